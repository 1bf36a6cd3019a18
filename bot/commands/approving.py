"""`bot approve` and `bot decline`: the owner's word on what waits for it.

An approval is durable before anything is sent. The tick it runs judges the approved orders again, with every gate,
and plans nothing else; what is refused stands until it lapses, and every tick tries it again.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime

from bot.commands.looking import nothing_yet, print_json, show, typed_before
from bot.commands.looking_facts import whose_money
from bot.commands.opening import open_ledger, say_home, warn
from bot.commands.owner import author
from bot.commands.ticking import one_tick, print_tick
from bot.domain.errors import BotError, StoreError, UsageError
from bot.domain.ledger import Proposal
from bot.engine.ports import TickResult
from bot.report.proposals import ProposalLine, answer_command, proposal_line, proposal_table
from bot.report.words import clock, count, filled_text, home_lines, wish
from bot.store.journal import LedgerJournal
from bot.store.proposals import ProposalRow
from bot.store.queries import TickRow, ledger_exists, open_for_questions
from bot.wiring import House, approved_strategy, load_house, moment, wall_clock

LADDER_TOO = (
    "Sent at this limit or a better one. While it does not fill, its reprices towards the natural price follow without "
    "asking again, and so does the opening leg of a roll."
)


def run_approve(env: str, *, numbers: Sequence[int], everything: bool, at: str, as_json: bool) -> None:
    """Approve proposals by number, or all that stand, and run the tick that carries them out; with neither, list them.

    Raises UsageError, and approves nothing, where a number does not stand; it says what stands instead.
    """
    if numbers and everything:
        raise UsageError("name proposals by number or say --all, not both")
    house = load_house(env)
    warn(house)
    _ledger_needed(env, house)
    fixed = moment(at, house.settings, wall_clock())
    if not numbers and not everything:
        _list(env, house, fixed or wall_clock(), at, as_json)
        return
    carried = carry_out(house, numbers, fixed)
    if carried is None:
        _say_nothing_stands(house, as_json)
        return
    result, lines = carried
    print_tick(env, result, house, everything=False, as_json=as_json, at=at)
    if not as_json:
        for line in lines:
            print(line)


def carry_out(
    house: House, numbers: Sequence[int], fixed: datetime | None = None
) -> tuple[TickResult, list[str]] | None:
    """Approve proposals by number, or all that stand, run the tick that sends them, and say what became of each.

    None where nothing stands. Raises UsageError, and approves nothing, where a number does not stand.
    """
    now = fixed or wall_clock()
    with open_ledger(house, "bot approve", wall_clock()) as journal:
        chosen = tuple(dict.fromkeys(numbers)) or tuple(one.number for one in journal.proposals(now))
        if not chosen:
            return None
        _refuse_fallen(journal, chosen, now)
        approved = journal.answer_proposals(chosen, "approved", now, author())
    try:
        result = one_tick(
            house, dry=False, at=fixed, command="bot approve", clock=wall_clock,
            strategies=(approved_strategy(house.desk),), decided_as="approved",
        )  # fmt: skip
    except BotError:
        for one in approved:
            print(f"{_named(one)}: approved and not sent; {_stands(one)}", file=sys.stderr)
        raise
    return result, _outcomes(house, result, approved)


def run_decline(env: str, *, numbers: Sequence[int], at: str) -> None:
    """Decline proposals: none of them is sent, and none is made again today in the same series."""
    house = load_house(env)
    warn(house)
    _ledger_needed(env, house)
    now = moment(at, house.settings, wall_clock()) or wall_clock()
    chosen = tuple(dict.fromkeys(numbers))
    with open_ledger(house, "bot decline", wall_clock()) as journal:
        _refuse_fallen(journal, chosen, now)
        declined = journal.answer_proposals(chosen, "declined", now, author())
    for one in declined:
        print(f"{_named(one)}: declined; it is not proposed again today in this series")
    print(f"home {house.home}")


def _ledger_needed(env: str, house: House) -> None:
    if not ledger_exists(house.home):
        raise StoreError(nothing_yet(house, typed_before(env, house)))


def _list(env: str, house: House, now: datetime, at: str, as_json: bool) -> None:
    lines, nothing, newest = standing_lines(house, now, at)
    if as_json:
        print_json({"home": str(house.home), "proposals": lines})
        return
    if not lines:
        show([nothing, *home_lines(str(house.home), typed_before(env, house), "bot status")])
        return
    first = str(next((one.number for one in lines if one.approved_at is None), lines[0].number))
    kind = whose_money(house, newest)[1]
    stand = f"{count(len(lines), 'proposal')} {'stands' if len(lines) == 1 else 'stand'}"
    title = f"{kind}   {stand}   mode {house.settings.mode}"
    commands = (answer_command(first, at), answer_command("--all", at), answer_command(first, at, "decline"))
    drawn = [*proposal_table(lines, now), *filled_text(LADDER_TOO, "  ")]
    show([title, *drawn, *home_lines(str(house.home), typed_before(env, house), *commands)])


def standing_lines(house: House, now: datetime, at: str = "") -> tuple[list[ProposalLine], str, TickRow | None]:
    """Give what stands, what to say where nothing does, and the newest tick."""
    with open_for_questions(house.home) as ledger:
        standing = ledger.proposals(now)
        newest = ledger.latest_tick()
        lapsed = () if newest is None else ledger.lapsed_proposals(newest.at, now)
    return [proposal_line(one, at) for one in standing], nothing_stands(lapsed), newest


def nothing_stands(lapsed: Sequence[Proposal]) -> str:
    """Say that nothing waits, and what lapsed unanswered since the newest tick."""
    if not lapsed:
        return "nothing waits for your word"
    last = max(one.lapses_at for one in lapsed)
    were = count(len(lapsed), "proposal")
    return f"nothing waits for your word: {were} lapsed unanswered by {clock(last)} New York (the next tick asks again)"


def _say_nothing_stands(house: House, as_json: bool) -> None:
    if as_json:
        print_json({"home": str(house.home), "proposals": []})
        say_home(house)
        return
    print(f"{nothing_stands(())}; no tick was run   home {house.home}")


def _refuse_fallen(journal: LedgerJournal, numbers: Sequence[int], now: datetime) -> None:
    """Raise UsageError naming every number that does not stand, what became of it, and what stands now."""
    rows = {number: journal.proposal(number) for number in numbers}
    standing = journal.proposals(now)
    fallen = [_fate(number, row, standing) for number, row in rows.items() if row is None or not row.stands(now)]
    if fallen:
        now_text = "; ".join(f"{one.number} ({wish(one.intent)})" for one in standing) or "nothing"
        raise UsageError(f"{'; '.join(fallen)}. Nothing was changed. What stands now: {now_text}")


def _fate(number: int, row: ProposalRow | None, standing: Sequence[Proposal]) -> str:
    if row is None:
        return f"there is no proposal {number}"
    one = row.proposal
    if row.status == "sent":
        return f"{_named(one)} was approved and sent already"
    if row.status == "declined":
        return f"{_named(one)} was declined by {one.author}"
    if row.status == "superseded":
        same = [
            other.number
            for other in standing
            if (other.intent.strategy, other.intent.purpose, other.intent.key)
            == (one.intent.strategy, one.intent.purpose, one.intent.key)
        ]
        return f"{_named(one)} is no longer wanted on those terms{f': look at {same[0]}' if same else ''}"
    return f"{_named(one)} lapsed at {clock(one.lapses_at)} New York"


def _named(one: Proposal) -> str:
    return f"proposal {one.number} ({wish(one.intent)})"


def _stands(one: Proposal) -> str:
    until = clock(one.lapses_at)
    tries = f"every live tick until then tries again, `bot approve {one.number}` at once"
    return f"your word stands until {until} New York: {tries}"


def _outcomes(house: House, result: TickResult, approved: Sequence[Proposal]) -> list[str]:
    """Say what became of each approval in the tick that was run for it."""
    with open_for_questions(house.home) as ledger:
        rows = {one.number: ledger.proposal(one.number) for one in approved}
    orders = {order.client_order_id: order for order in result.orders}
    verdicts = {dict(one.intent.numbers).get("proposal", ""): one for one in result.verdicts}
    lines: list[str] = []
    for one in approved:
        row, verdict = rows[one.number], verdicts.get(str(one.number))
        order = None if row is None else orders.get(row.client_order_id)
        if order is not None and order.state != "not_sent":
            lines.append(f"{_named(one)}: sent, {order.status or order.state}   {order.client_order_id}")
        elif verdict is None:
            lines.append(f"{_named(one)}: not sent: it lapsed, or its strategy is switched off")
        elif not verdict.approved:
            lines.append(f"{_named(one)}: not sent: {verdict.reason}; {_stands(one)}")
        elif result.mode == "dry":
            origin = house.settings.origins.get("BOT_MODE", "default")
            lines.append(f"{_named(one)}: would be sent, and BOT_MODE is dry ({origin}); {_stands(one)}")
        else:
            lines.append(f"{_named(one)}: not sent: {'; '.join(result.errors) or 'no answer'}; {_stands(one)}")
    return lines
