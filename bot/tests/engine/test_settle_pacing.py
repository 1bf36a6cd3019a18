"""What cooldowns remember: first fills of put entries, and chains that ended at a loss (wheel 2.19)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from bot.domain.ledger import Loss
from bot.domain.sessions import new_york_day
from bot.tests.builders import call, put
from bot.tests.engine.settle_world import BrokerLedger, Desk

D = Decimal
PUT = put("XLF", date(2026, 2, 6), "50")
LOWER = put("XLF", date(2026, 2, 6), "48")
LATER = put("XLF", date(2026, 3, 6), "49")


def losses(desk: Desk) -> list[tuple[str, Decimal]]:
    return [(one.underlying, one.income) for one in desk.books.losses]


def test_a_put_entry_is_remembered_from_its_first_fill() -> None:
    world, desk = BrokerLedger(), Desk()
    name = world.place(PUT, "sell_to_open", 3)
    world.fill(name, "1.20", 1)
    first = world.at
    world.tick(desk)
    world.wait(minutes=20)
    world.fill(name, "1.20", 2)
    world.tick(desk)
    (entry,) = desk.books.put_entries
    assert (entry.underlying, entry.order, entry.filled_at) == ("XLF", name, first)


def test_a_reprice_keeps_the_first_fill_and_a_new_wish_begins_anew() -> None:
    world, desk = BrokerLedger(), Desk()
    name = world.place(PUT, "sell_to_open", 2)
    world.fill(name, "1.20", 1)
    first = world.at
    world.tick(desk)
    world.wait(minutes=20)
    world.trade(PUT, "sell_to_open", 1, "1.15", replaces=name)
    world.tick(desk)
    assert [one.filled_at for one in desk.books.put_entries] == [first]
    world.wait(minutes=20)
    world.trade(LOWER, "sell_to_open", 1, "1.00")
    world.tick(desk)
    assert [one.filled_at for one in desk.books.put_entries] == [world.at]


def test_calls_rolls_and_exits_are_no_put_entries_and_old_ones_are_forgotten() -> None:
    world, desk = BrokerLedger(), Desk()
    world.trade(PUT, "sell_to_open", 1, "1.20")
    world.tick(desk)
    entered = world.at
    world.wait(days=1)
    world.trade(PUT, "buy_to_close", 1, "1.50", purpose="roll_close", roll="roll-1", roll_ticks_max=3)
    world.tick(desk)
    world.trade(LATER, "sell_to_open", 1, "1.70", purpose="roll_open", roll="roll-1")
    world.tick(desk)
    assert [one.filled_at for one in desk.books.put_entries] == [entered]
    world.wait(days=30)
    world.trade(call("XLU", date(2026, 4, 17), "80"), "sell_to_open", 1, "0.50", purpose="covered_call")
    world.tick(desk)
    assert desk.books.put_entries == ()


def test_a_leg_bought_back_dearer_is_a_loss_of_its_symbol_in_that_very_tick() -> None:
    world, desk = BrokerLedger(), Desk()
    world.trade(PUT, "sell_to_open", 1, "1.20")
    world.tick(desk)
    world.wait(days=1)
    world.trade(PUT, "buy_to_close", 1, "1.21", purpose="close")
    result = world.tick(desk)
    (lost,) = result.books.losses
    assert lost == Loss(underlying="XLF", what=lost.what, day=new_york_day(world.at), income=D("-1.00"))
    assert result.books.chains == ()


def test_a_leg_that_earned_or_broke_even_is_no_loss_and_forgets_none() -> None:
    world, desk = BrokerLedger(), Desk()
    for price in ("1.20", "1.00"):
        world.trade(PUT, "sell_to_open", 1, "1.20")
        world.tick(desk)
        world.wait(minutes=15)
        world.trade(PUT, "buy_to_close", 1, price, purpose="take_profit")
        world.tick(desk)
        assert losses(desk) == []
        world.wait(minutes=15)


def test_a_chain_is_judged_whole_when_its_last_roll_ended() -> None:
    """Wheel 1.5: a roll's buy-back at a loss is no loss while the chain goes on."""
    for price, expected in (("1.90", [("XLF", D("-50.00"))]), ("1.40", []), ("1.39", [])):
        world, desk = BrokerLedger(), Desk()
        world.trade(PUT, "sell_to_open", 1, "1.20")
        world.tick(desk)
        world.wait(days=1)
        world.trade(PUT, "buy_to_close", 1, "1.50", purpose="roll_close", roll="roll-1", roll_ticks_max=3)
        world.tick(desk)
        assert losses(desk) == []
        assert [one.income for one in desk.books.chains] == [D("-30")]
        world.trade(LATER, "sell_to_open", 1, "1.70", purpose="roll_open", roll="roll-1")
        world.tick(desk)
        world.wait(days=1)
        world.trade(LATER, "buy_to_close", 1, price, purpose="close")
        world.tick(desk)
        assert losses(desk) == expected
        assert desk.books.chains == ()


def test_a_roll_given_up_after_its_buy_back_ends_its_chain() -> None:
    world, desk = BrokerLedger(), Desk()
    world.trade(PUT, "sell_to_open", 1, "1.20")
    world.tick(desk)
    world.trade(PUT, "buy_to_close", 1, "1.50", purpose="roll_close", roll="roll-1", roll_ticks_max=1)
    world.tick(desk)
    assert losses(desk) == []
    for _ in range(3):
        world.wait(minutes=15)
        world.tick(desk)
    assert losses(desk) == [("XLF", D("-30"))]


def test_a_bare_assignment_is_neutral_and_the_cycle_counts_at_its_end() -> None:
    world, desk = BrokerLedger(), Desk()
    world.contracts = D(0)
    world.trade(PUT, "sell_to_open", 1, "1.20")
    world.tick(desk)
    world.wait(days=5)
    world.assign(PUT)
    world.tick(desk)
    assert losses(desk) == []
    assert desk.books.chains == ()
    world.wait(days=1)
    world.contracts = D(0)
    world.trade("XLF", "sell_to_close", 100, "48.00", purpose="close")
    world.tick(desk)
    assert losses(desk) == [("XLF", D("-80.00"))]
