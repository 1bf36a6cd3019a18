"""What people and trip wires write between ticks: halts, words, pauses, configurations.

Each is one durable transaction with its event in the hash chain.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec

from bot.domain.accounts import owner_name
from bot.domain.errors import ForeignStore, UsageError
from bot.domain.halting import halt_of
from bot.domain.ledger import HALT_RANK, Halt, Instruction, Panic, Pause, Proposal
from bot.store import chain, kinds
from bot.store.database import Database, moment_text
from bot.store.panicking import end_panics, in_force, read_panic, write_panic
from bot.store.proposals import ProposalRow, answer, read_proposal, read_standing
from bot.store.remembering import read_halt
from bot.store.restored import lift_restored


class OwnerLedger:
    """The half of the ledger that people write."""

    def __init__(self, database: Database, desk: str) -> None:
        self.database = database
        self.desk = desk
        self._claim: tuple[str, str, str] | None = None

    def stamp(self, broker: str, environment: str, account: str) -> None:
        """Refuse a ledger that belongs to another account; an unstamped one is stamped by its first tick.

        Raises ForeignStore naming both accounts and the BOT_HOME to use.
        """
        self._check_stamp(broker, environment, account)
        self._claim = (broker, environment, account)

    def stamped_account(self) -> str:
        """Give the account this ledger is stamped for, or nothing before its first tick."""
        row = self.database.connection.execute("SELECT account FROM stamp").fetchone()
        return row[0] if row is not None else ""

    def _check_stamp(self, broker: str, environment: str, account: str | None) -> bool:
        """Say whether there is a stamp; raises ForeignStore when it is another's."""
        row = self.database.connection.execute("SELECT broker, environment, account FROM stamp").fetchone()
        if row is None:
            return False
        if row[:2] != (broker, environment) or account not in (None, row[2]):
            home = self.database.home
            whose, asked = owner_name(*row), owner_name(broker, environment, account or "")
            asked += " (another account with the same end)" if asked == whose else ""
            raise ForeignStore(
                f"{self.database.path} belongs to {whose} and this run is {asked}: nothing was read or sent; "
                f"give this account a home of its own, as BOT_HOME={home}-{broker}-{environment}"
            )
        return True

    def write_stamp(self, claim: tuple[str, str, str], ts: str) -> None:
        """Write whose ledger this is, inside the caller's transaction."""
        connection = self.database.connection
        connection.execute("INSERT INTO stamp VALUES (1, ?, ?, ?, ?, ?)", (*claim, self.desk, ts))
        broker, environment, account = claim
        payload = {"broker": broker, "environment": environment, "account": account, "desk": self.desk}
        chain.append(connection, ts, kinds.STAMP, payload)

    def set_halt(self, halt: Halt) -> None:
        """Set the halt level; `halt.since` is the moment it is set."""
        assert halt.since is not None, "a halt that is set says since when"
        ts = moment_text(halt.since)
        with self.database.writing():
            self._write_halt(halt, ts)

    def _write_halt(self, halt: Halt, ts: str) -> None:
        connection = self.database.connection
        connection.execute(
            "INSERT INTO halts (at, level, author, reason, clears) VALUES (?, ?, ?, ?, ?)",
            (ts, halt.level, halt.author, halt.reason, halt.clears),
        )
        chain.append(connection, ts, kinds.HALT, msgspec.to_builtins(halt))
        if halt.level == "run":
            lift_restored(connection, ts, halt.author, halt.reason)

    def begin_panic(self, panic: Panic) -> Halt:
        """Keep a panic and its halt in one transaction and give the halt that rules from now on.

        A stronger halt that was set before stays as it is.
        """
        with self.database.writing() as connection:
            stored = read_halt(connection)
            if HALT_RANK[stored.level] < HALT_RANK["reduce_only"]:
                stored = halt_of(panic)
                self._write_halt(stored, moment_text(panic.at))
            write_panic(connection, panic)
        return in_force(stored, panic, self.database.home)

    def panic(self) -> Panic | None:
        """Give the panic that stands."""
        return read_panic(self.database.connection)

    def resume(self, halt: Halt) -> Panic | None:
        """Set the halt level a person resumes to, end every panic with it, and give the one that stood."""
        assert halt.since is not None, "a halt that is set says since when"
        with self.database.writing() as connection:
            self._write_halt(halt, moment_text(halt.since))
            return end_panics(connection, halt.since, halt.author)

    def add_instruction(self, instruction: Instruction) -> None:
        """Keep the owner's word on a contract or share; the newest one stands."""
        ts = moment_text(instruction.at)
        with self.database.writing() as connection:
            connection.execute(
                "INSERT INTO instructions (at, contract, word, author) VALUES (?, ?, ?, ?)",
                (ts, instruction.contract, instruction.word, instruction.author),
            )
            chain.append(connection, ts, kinds.INSTRUCTION, msgspec.to_builtins(instruction))

    def proposal(self, number: int) -> ProposalRow | None:
        """Give a proposal by its number, with what became of it."""
        return read_proposal(self.database.connection, number)

    def proposals(self, at: datetime) -> tuple[Proposal, ...]:
        """List what stands at a moment: what waits for the owner's word, and what has it and was not sent yet."""
        return read_standing(self.database.connection, at)

    def answer_proposals(
        self, numbers: Sequence[int], word: Literal["approved", "declined"], at: datetime, author: str
    ) -> tuple[Proposal, ...]:
        """Keep the owner's word on proposals, all or none; one that has this word already keeps it as it was.

        Raises UsageError where one of them does not stand at that moment.
        """
        ts = moment_text(at)
        with self.database.writing() as connection:
            for number in numbers:
                row = read_proposal(connection, number)
                if row is None or not row.stands(at):
                    raise UsageError(f"proposal {number} does not stand at {ts}: nothing was {word}")
                if row.status == word:
                    continue
                newest = chain.newest_change(connection)
                answer(connection, row, word, ts, author)
                payload: dict[str, Any] = {"number": number, "word": word, "author": author}
                payload |= {"lapses_at": row.proposal.lapses_at, "changes": chain.changes_since(connection, newest)}
                chain.append(
                    connection, ts, kinds.CONSENT, {**payload, "intent": msgspec.to_builtins(row.proposal.intent)}
                )
            found = [read_proposal(connection, number) for number in numbers]
        return tuple(row.proposal for row in found if row is not None)

    def add_pause(self, pause: Pause, at: datetime, author: str) -> None:
        """Pause new risk on a symbol (or `*`) until a moment."""
        ts = moment_text(at)
        with self.database.writing() as connection:
            connection.execute(
                'INSERT INTO pauses (at, symbol, "until", reason, author) VALUES (?, ?, ?, ?, ?)',
                (ts, pause.symbol, moment_text(pause.until), pause.reason, author),
            )
            chain.append(connection, ts, kinds.PAUSE, {**msgspec.to_builtins(pause), "author": author})

    def lift_pause(self, symbol: str, at: datetime, author: str) -> int:
        """End every pause on a symbol now; gives how many there were."""
        ts = moment_text(at)
        with self.database.writing() as connection:
            count = connection.execute(
                'UPDATE pauses SET "until" = ? WHERE symbol = ? AND "until" > ?', (ts, symbol, ts)
            ).rowcount
            if count:
                chain.append(connection, ts, kinds.PAUSE, {"symbol": symbol, "lifted": count, "author": author})
        return count

    def keep_config(self, config_hash: str, text: str, settings_json: str, at: datetime) -> bool:
        """Keep a configuration under its hash; gives whether it was new."""
        run = self.database.connection.execute
        if run("SELECT 1 FROM configs WHERE hash = ?", (config_hash,)).fetchone():
            return False
        ts = moment_text(at)
        with self.database.writing() as connection:
            connection.execute(
                "INSERT INTO configs (hash, text, settings_json, at) VALUES (?, ?, ?, ?)",
                (config_hash, text, settings_json, ts),
            )
            chain.append(connection, ts, kinds.CONFIG, {"hash": config_hash})
        return True

    def approve_config(self, config_hash: str, at: datetime, author: str) -> None:
        """Approve a kept configuration for real money; UsageError when it was never kept."""
        ts = moment_text(at)
        with self.database.writing() as connection:
            count = connection.execute(
                "UPDATE configs SET approved_at = ?, approved_by = ? WHERE hash = ?", (ts, author, config_hash)
            ).rowcount
            if not count:
                raise UsageError(f"no configuration {config_hash[:12]} is known here: run a dry tick with it first")
            chain.append(connection, ts, kinds.APPROVAL, {"hash": config_hash, "author": author})

    def config_is_approved(self, config_hash: str) -> bool:
        """Say whether a person approved a configuration for real money."""
        row = self.database.connection.execute(
            "SELECT approved_at FROM configs WHERE hash = ?", (config_hash,)
        ).fetchone()
        return row is not None and row[0] is not None
