"""Run the command: `python -m bot`, installed as `bot`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run one command; a failure of the world ends in one clear message and its exit code."""
    from bot.cli import app
    from bot.domain.errors import BotError

    try:
        app()
    except BotError as error:
        for line in str(error).splitlines():
            print(f"bot: {line}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output went away (`bot why SPY | head`): that is its right.
        sys.stderr.close()


if __name__ == "__main__":
    main()
