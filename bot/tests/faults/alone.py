"""Commands in processes of their own: one line of JSON on standard input starts one; its id and its end are told back.

Everything is loaded once; each command then runs in a fork, as one that was started anew would, at the moment it was
given; pauses that only give a broker time are left out. The process that `Machine` starts runs this.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.brokers import alpaca
from bot.commands import panicking
from bot.tests.commands.typed import typed


def work(job: dict[str, Any]) -> int:
    """Run one command and keep what it said."""
    os.environ.update(job["fault"])
    folder, now = Path(job["folder"]), datetime.fromisoformat(job["at"])
    done = typed(folder, *job["words"], now=now, **job["variables"])
    Path(job["said"]).write_text(done.out + done.err)
    return done.code


def main() -> None:
    """Start what is asked for, one after the other, until there is nothing more to read."""
    alpaca.SECOND_LOOK_SECONDS = panicking.ROUND_SECONDS = 0.0
    for line in sys.stdin:
        number = os.fork()
        if number == 0:
            code = 99
            try:
                code = work(json.loads(line))
            finally:
                sys.stderr.flush()
                os._exit(code)
        print(number, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(number, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
