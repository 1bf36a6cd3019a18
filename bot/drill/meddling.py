"""F8, F9, F13: what the broker and other hands do to the account, the kill switch, and which account it is."""

from __future__ import annotations

from contextlib import closing
from decimal import Decimal
from typing import Literal

from bot.domain import invariants as numbers
from bot.domain.clearing import left_of
from bot.domain.errors import ConfigError, ForeignStore
from bot.domain.ledger import HALT_RANK, Panic
from bot.domain.money import CENT, HUNDRED
from bot.domain.sessions import next_session
from bot.drill.protection import OTHER_SHARES, SHARES
from bot.drill.scene import IsOff, Play, Scene, filled, held, opened, quote_of, spot
from bot.drill.stage import MINUTE, SLOT, Stage, invariant, refused_by, refusing
from bot.drill.wishes import again, want
from bot.engine.ports import TickResult


def foreign_shares(play: Play) -> None:
    """Play shares a hand bought: foreign, counted in dollars, and never sold."""
    symbol = OTHER_SHARES[0]
    with play.stage() as stage:
        stage.alone()
        stage.account.trade(symbol, SHARES, spot(stage, symbol), "by-hand")
        stage.pass_by(MINUTE)
        wish = want(symbol, "sell_to_close", SHARES, purpose="close", key="theirs", limit=quote_of(stage, symbol).bid)
        result = stage.tick(wish)
        owners = {one.owner for one in result.snapshot.positions if one.position.symbol == symbol}
        worth = invariant(result, numbers.FOREIGN).value
        play.must(owners == {"foreign"} and worth > 0, f"{', '.join(sorted(owners))}, worth {worth} USD")
        play.must("owner_is_ours" in refusing(result), f"a sale of them: {refused_by(refusing(result))}")
        play.must(held(stage, symbol) == SHARES, f"{held(stage, symbol)} still there")


def assigned(play: Play) -> None:
    """Play an assignment of our put: the leg ends, a lot of ours begins, cash and positions agree to the cent."""
    with play.stage() as stage:
        _, order = filled(stage)
        stage.account.assign(order.legs[0].symbol)
        stage.pass_by(MINUTE)
        result = stage.alone()
        books = result.snapshot.books
        lots = sum((lot.qty for lot in books.lots if lot.owner == "ours"), Decimal(0))
        play.must(not books.legs and lots == order.qty * HUNDRED, f"{len(books.legs)} legs left, {lots} shares of ours")
        _agree(play, stage, result)


def liquidated(play: Play) -> None:
    """Play a position of ours that the broker closes by itself: booked, with the order that was not ours."""
    with play.stage() as stage:
        _, order = filled(stage)
        symbol = order.legs[0].symbol
        stage.account.trade(symbol, order.qty, quote_of(stage, symbol).ask or CENT, "liquidation")
        stage.pass_by(MINUTE)
        result = stage.alone()
        how = [one.how for one in result.settlement.leg_ends]
        play.must(how == ["closed_by_broker"], f"the leg ended: {', '.join(how) or 'not at all'}")
        _agree(play, stage, result)


def vanished(play: Play) -> None:
    """Play a position that is gone and no line says why: unexplained, and no new risk on its symbol."""
    with play.stage() as stage:
        wish, order = filled(stage)
        stage.account.bring_in(OTHER_SHARES[0], Decimal(1), Decimal(10))
        stage.account.bring_in(order.legs[0].symbol, order.qty, Decimal(0))
        stage.pass_by(MINUTE)
        result = stage.alone(again(wish, "again"))
        kinds = [one.kind for one in result.snapshot.books.drift]
        play.must(bool(kinds), f"it differs: {', '.join(kinds) or 'nobody saw it'}")
        play.must("no_drift" in refusing(result), f"new risk on it: {refused_by(refusing(result))}")
        stage.at = next_session(stage.session().day).close_at + SLOT
        count = invariant(stage.alone(), numbers.POSITIONS_UNEXPLAINED).value
        play.must(count == 1, f"{count} unexplained once the next session brought no line for it")


def flattened(play: Play) -> None:
    """Play `bot panic --flatten` on an open position: reduce_only, bought back, done when the broker says so."""
    with play.stage() as stage:
        wish, order = filled(stage)
        panic = Panic(at=stage.at, author="drill", reason="the drill's own", flatten=True)
        with closing(stage.journal()) as journal:
            journal.begin_panic(panic)
        stage.pass_by(MINUTE)
        result = stage.tick(again(wish, "again"))
        level = result.snapshot.halt.level
        play.must(HALT_RANK[level] >= HALT_RANK["reduce_only"], f"halt {level}")
        symbol = order.legs[0].symbol
        for _ in range(4):
            for one in stage.account.orders(stage.desk.name):
                if not one.terminal:
                    stage.account.fill(one.client_order_id)
            left = left_of(panic, stage.account.held_list(), stage.books(), stage.own().values())
            play.must(left.done == (not held(stage, symbol) and not stage.books().legs), "done only when it is gone")
            stage.pass_by(MINUTE)
            stage.tick()
        left = left_of(panic, stage.account.held_list(), stage.books(), stage.own().values())
        play.must(left.done and not held(stage, symbol), f"{held(stage, symbol)} held, done is {left.done}")


def cancelled(play: Play) -> None:
    """Play `bot panic` while an entry rests: cancelled at the broker, and a new one refused until a person resumes."""
    with play.stage() as stage:
        wish, order = opened(stage)
        with closing(stage.journal()) as journal:
            journal.begin_panic(Panic(at=stage.at, author="drill", reason="the drill's own", flatten=False))
        result = stage.tick(again(wish, "again"))
        found = stage.account.find_order(order.client_order_id)
        status = "gone" if found is None else found.status
        play.must(status == "canceled", f"the resting entry is {status}")
        gates = refusing(result)
        play.must("halt_allows" in gates, f"a new one: {refused_by(gates)}")


def one_bad_reading(play: Play) -> None:
    """Play one wrong price: no halt from one reading, a halt from as many in a row as configured."""
    limits = play.setting.desk.limits
    if limits.daily_loss_share is None:
        raise IsOff("daily_loss_share is off: no loss of a day stops this desk")
    needed = int(limits.halt_confirm_readings or 1)
    if needed < 2:
        raise IsOff("halt_confirm_readings is 1 or off: one wrong price may halt this desk")
    with play.stage() as stage:
        stage.with_limits(missed_ticks=None)  # the night between is no fault here
        wish, order = filled(stage)
        symbol = order.legs[0].symbol
        stage.at = next_session(stage.session().day).open_at + 5 * SLOT
        stage.alone()
        loss = limits.daily_loss_share * stage.account.read_account().equity
        stage.pass_by()
        stage.market.bent = {symbol: (loss * 2 / HUNDRED / order.qty).quantize(CENT) + 1}
        level = stage.alone().snapshot.halt.level
        play.must(level == "run", f"one reading past the day's loss: {level}")
        stage.market.bent = {}
        stage.pass_by()
        level = stage.alone().snapshot.halt.level
        play.must(level == "run", f"the next one right: {level}")
        stage.market.bent = {symbol: (loss * 2 / HUNDRED / order.qty).quantize(CENT) + 1}
        for _ in range(needed):
            stage.pass_by()
            result = stage.alone(again(wish, f"again-{stage.at:%H%M}"))
        halt = result.snapshot.halt
        play.must(
            halt.level == "no_new_risk" and "halt_allows" in refusing(result),
            f"{needed} in a row: {halt.level} by {halt.author}, an entry {refused_by(refusing(result))}",
        )


def dry_sends_nothing(play: Play) -> None:
    """Play a dry tick: it decides as a live one does and reaches nobody's door."""
    with play.stage() as stage:
        result = stage.tick(dry=True)
        wanted = sum(1 for one in result.verdicts if one.approved)
        sent, orders = sum(stage.account.door.values()), len(stage.account.orders())
        play.must(wanted > 0 and sent == 0 and orders == 0, f"{wanted} would be sent, {sent} sent, {orders} orders")
        play.must(not stage.own(), f"{len(stage.own())} ids used up")


def another_account(play: Play) -> None:
    """Play keys that open another account, and a ledger pointed at other money: refused before anything is sent."""
    with play.stage() as stage:
        if play.setting.world == "alpaca":
            stage.account.faults.number = "PADRILLOTHER"
            play.must(_refused(stage, ConfigError), "keys of another account than the pinned one: refused")
            play.must(stage.account.reads == 1, f"{stage.account.reads} read, the account alone")
            stage.account.faults.number = ""
        stage.alone()
        stage.pass_by()
        stage.pinned = stage.account.faults.number = "PADRILLOTHER"
        play.must(_refused(stage, ForeignStore), "another account on this ledger: refused")
        stage.account.faults.number = ""
        stage.environment = "live"
        play.must(_refused(stage, ForeignStore), "the same ledger as real money: refused")
        sent = sum(stage.account.door.values())
        play.must(sent == 0, f"{sent} sent")


def other_keys(play: Play) -> None:
    """Play keys and hosts of two environments mixed: no client comes to be."""
    from bot.venues.alpaca_client import AlpacaClient

    mixed: tuple[tuple[Literal["paper", "live"], str, str], ...] = (
        ("live", "PKDRILL", ""), ("paper", "AKDRILL", ""), ("paper", "PKDRILL", "https://api.alpaca.markets"),
    )  # fmt: skip
    refused = 0
    with play.stage() as stage:
        for environment, key, trading in mixed:
            try:
                AlpacaClient(
                    key=key, secret="no-secret", environment=environment, trading=trading, data="",
                    now=lambda: stage.at, wire=stage.wire(),
                )  # fmt: skip
            except ConfigError:
                refused += 1
    play.must(refused == len(mixed), f"{refused} of {len(mixed)} mixtures of keys and hosts refused")


def _refused(stage: Stage, kind: type[Exception]) -> bool:
    try:
        stage.tick()
    except kind:
        return True
    return False


def _agree(play: Play, stage: Stage, result: TickResult) -> None:
    gap = invariant(result, numbers.POSITIONS_GAP).value
    cash = stage.account.cash() - (result.snapshot.books.cash or Decimal(0))
    unexplained = [one.symbol for one in result.snapshot.books.drift]
    play.must(gap == 0 and not unexplained, f"{gap} positions apart, cash {cash} USD apart")
    play.must(cash == 0, f"books and broker agree: cash {stage.account.cash()} USD")


SCENES = (
    Scene("F8", "foreign", "a hand buys shares, a sale of them is wanted", foreign_shares),
    Scene("F8", "assignment", "our put is assigned", assigned),
    Scene("F8", "liquidation", "the broker closes our position by itself", liquidated),
    Scene("F8", "vanished", "our position is gone and no line of history says why", vanished),
    Scene("F9", "flatten", "`bot panic --flatten` on an open position", flattened),
    Scene("F9", "panic", "`bot panic` while an entry rests", cancelled),
    Scene("F9", "one bad reading", "one wrong price, then as many in a row as confirm a loss", one_bad_reading),
    Scene("F13", "dry", "a dry tick", dry_sends_nothing),
    Scene("F13", "another account", "keys and ledger of different accounts", another_account),
    Scene("F13", "other keys", "keys and hosts of paper and live mixed", other_keys, ("alpaca",)),
)
