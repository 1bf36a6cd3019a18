"""Run the command: `python -m bot`, installed as `bot`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run one command; a failure of the world ends in one clear message and its exit code.

    Without assertions nothing runs: they end a tick whose own logic is wrong before it sends.
    """
    if sys.flags.optimize:
        print(
            "bot: Python was started with -O or PYTHONOPTIMIZE, which leaves out checks that end a tick gone wrong; "
            "nothing was read or sent: start it without",
            file=sys.stderr,
        )
        sys.exit(78)
    from bot.cli import app
    from bot.domain.errors import BotError

    try:
        app()
    except BotError as error:
        for line in str(error).splitlines():
            print(f"bot: {line}", file=sys.stderr)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # The reader of our output went away (`bot why SPY | head`): that is its right.
        sys.stderr.close()
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"bot: {where}{error.strerror or error}: mend that on this machine, then try again", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
