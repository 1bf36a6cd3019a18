"""Options and arguments that several commands share: one word each, one meaning each."""

from __future__ import annotations

from typing import Annotated

import typer

Env = Annotated[str, typer.Option("--env", envvar="BOT_ENV", help="The .env file to use (default: ./.env).")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Contract = Annotated[str, typer.Argument(help="An option series held, such as XLF261224P00050000.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it is kept with the record.")]
