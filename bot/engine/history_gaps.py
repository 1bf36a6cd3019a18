"""What a rebuilt past does not explain, each difference with its numbers and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from bot.domain.adoption import adopt_words
from bot.domain.facts import Fact
from bot.domain.holdings import Account, Activity, Position
from bot.domain.instruments import is_coin_pair, is_known, is_option, parse_option
from bot.domain.money import ZERO, plain
from bot.domain.sessions import new_york_day
from bot.engine.history_replay import Replay
from bot.engine.settle_ledger import cash_effect

CASH = "CASH"


class Gap(Fact, frozen=True, kw_only=True):
    """One difference between what the lines explain and what the broker shows, or a line nobody can read.

    `what` says it with its numbers, `do` what to do about it; `amount` in shares, contracts or (CASH) dollars.
    """

    symbol: str
    what: str
    do: str
    amount: Decimal | None = None


def followed(replay: Replay) -> dict[str, Decimal]:
    """Give what the lines explain of each symbol: the sum of its open lots and legs."""
    found: dict[str, Decimal] = {}
    for lot in replay.lots:
        found[lot.symbol] = found.get(lot.symbol, ZERO) + lot.qty
    for leg in replay.legs:
        found[leg.symbol] = found.get(leg.symbol, ZERO) + leg.qty
    return found


def explained_less(replay: Replay, positions: Iterable[Position]) -> tuple[str, ...]:
    """Name symbols of which the broker shows less than the lines explain."""
    held = {one.symbol: one.qty for one in positions}
    return tuple(
        symbol
        for symbol, mine in sorted(followed(replay).items())
        if mine * held.get(symbol, ZERO) <= 0 or abs(held[symbol]) < abs(mine)
    )


def gaps_in(
    replay: Replay, lines: Sequence[Activity], positions: tuple[Position, ...], account: Account
) -> tuple[Gap, ...]:
    """List every gap: where the lines begin, positions, cash to the cent, lines of unknown kind or symbol."""
    found = [*_position_gaps(replay, positions), *_never_bought(replay), *_cash_gaps(replay, account, lines)]
    found += _strange_lines(lines)
    if found and lines:
        first = new_york_day(lines[0].at)
        found.append(
            Gap(
                symbol="", what=f"the lines begin on {first}: nothing before that day can be rebuilt",
                do="if the account is older, its earlier statements tell the rest",
            )
        )  # fmt: skip
    return tuple(found)


def _position_gaps(replay: Replay, positions: tuple[Position, ...]) -> Iterable[Gap]:
    mine = followed(replay)
    for one in sorted(positions, key=lambda position: position.symbol):
        known = mine.pop(one.symbol, ZERO)
        left = one.qty - known
        if not left:
            continue
        if not is_known(one.symbol):
            kind = "a pair of coins" if is_coin_pair(one.symbol) else "no share and no option series this program knows"
            what = f"the broker holds {plain(one.qty)} {one.symbol}: {kind}; it is left alone"
            yield Gap(symbol=one.symbol, what=what, do="nothing: it counts in risk and is never traded", amount=left)
        elif known * one.qty < 0 or abs(one.qty) < abs(known):
            yield _less_than_told(one.symbol, known, one.qty)
        else:
            unit = "contracts" if is_option(one.symbol) else "shares"
            told = f"{plain(known)} of {plain(one.qty)}" if known else f"none of {plain(one.qty)}"
            what = f"the lines explain {told} {unit} of {one.symbol}: the rest came before them, or by a transfer"
            yield Gap(symbol=one.symbol, what=what, do=_give_basis(one.symbol, left), amount=left)
    for symbol, known in sorted(mine.items()):
        yield _less_than_told(symbol, known, ZERO)


def _give_basis(symbol: str, qty: Decimal) -> str:
    if is_option(symbol):
        words = adopt_words(symbol, qty)
        return f"{words}; say what was taken with --premium" if "bot adopt" in words else words
    if qty < 0:
        return adopt_words(symbol, qty)
    return f"`bot adopt {symbol} --qty {plain(qty)} --basis` what was paid per share"


def _less_than_told(symbol: str, known: Decimal, held: Decimal) -> Gap:
    what = f"the lines come to {plain(known)} {symbol} and the broker holds {plain(held)}"
    if is_option(symbol):
        expiry = parse_option(symbol).expiry
        what += f": no line says how they ended (expiry {expiry}); their result is not counted"
    else:
        what += ": a sale or a transfer out is missing; what these lots earned is not counted"
    return Gap(symbol=symbol, what=what, do="look at the broker's statement of that time", amount=held - known)


def _never_bought(replay: Replay) -> Iterable[Gap]:
    """Name sales of what was never bought, transfers, short shares: counted in cash, part of no cycle."""
    sums: dict[str, Decimal] = {}
    for part in replay.reading.parts:
        if part.line.kind == "FILL" and part.order is None and is_known(part.line.symbol):
            sums[part.line.symbol] = sums.get(part.line.symbol, ZERO) + abs(part.line.qty)
    for symbol, qty in sorted(sums.items()):
        unit = "contracts" if is_option(symbol) else "shares"
        yield Gap(
            symbol=symbol,
            what=f"{plain(qty)} {unit} of {symbol} were traded that no earlier line brought (held before the lines "
            "begin, transferred in, or sold short): their cash is counted, and no cycle holds their result",
            do="nothing is wrong with what is open now; look at the broker's statement for what they came to",
            amount=qty,
        )


def _cash_gaps(replay: Replay, account: Account, lines: Sequence[Activity]) -> Iterable[Gap]:
    left = account.cash - replay.cash
    if left:
        where = f"on {new_york_day(lines[0].at)}, when the lines begin" if lines else "already"
        yield Gap(
            symbol=CASH,
            what=f"the lines add up to {plain(replay.cash)} USD and the account holds {plain(account.cash)}: "
            f"{plain(left)} USD was there {where}, or a line is missing",
            do="compare with the broker's statement; ticks start from the account's own cash, so nothing drifts",
            amount=left,
        )


def _strange_lines(lines: Sequence[Activity]) -> Iterable[Gap]:
    words: dict[tuple[str, str], list[Activity]] = {}
    for line in lines:
        if line.kind == "OTHER":
            words.setdefault((line.symbol, f"of kind {line.raw_type or 'unknown'}"), []).append(line)
        elif line.symbol and not is_known(line.symbol):
            kind = "a pair of coins" if is_coin_pair(line.symbol) else "no symbol this program reads"
            words.setdefault((line.symbol, f"on {line.symbol}, {kind}"), []).append(line)
    for (symbol, word), found in sorted(words.items()):
        amount = sum((cash_effect(line) for line in found), ZERO)
        count = f"{len(found)} lines" if len(found) > 1 else "1 line"
        yield Gap(
            symbol=symbol or CASH,
            what=f"{count} {word}: {plain(amount)} USD, counted in cash and in nothing else",
            do="nothing, unless they moved shares or contracts: then the positions above show it",
            amount=amount,
        )
