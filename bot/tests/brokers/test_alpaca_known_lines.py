"""A fill must be known again by its id: one that cannot be is no fill, and the read is as if it had not come."""

from __future__ import annotations

from datetime import date

import pytest

from bot.domain.errors import BrokerUnreachable
from bot.tests.brokers.canned import Bench, a_fill_answer, a_line_answer

SINCE = date(2026, 11, 11)


@pytest.mark.parametrize("mark", ["", "NaN", "ZZZZ", "20261118095509981::", "::a", "20261118095509981", None, 7])
def test_a_fill_without_an_id_of_its_own_concludes_nothing(mark: object) -> None:
    with pytest.raises(BrokerUnreachable, match="cannot be told from one that is booked already"):
        Bench(activities=[a_fill_answer(id=mark)]).broker.read_activities(SINCE)


def test_other_lines_may_have_any_id_or_none() -> None:
    answer = [a_fill_answer(), a_line_answer("FEE", id="", net_amount="-0.02"), a_line_answer("INT", id="x")]
    assert len(Bench(activities=answer).broker.read_activities(SINCE)) == 3


@pytest.mark.parametrize("kind", ["OPASN", "OPEXC", "OPEXP"])
def test_a_part_of_a_contract_concludes_nothing(kind: str) -> None:
    """A point that moved in one line would leave nine tenths of a contract in the books."""
    line = a_line_answer(kind, symbol="XLF261224P00035500", qty="0.1")
    with pytest.raises(BrokerUnreachable, match="expected whole contracts"):
        Bench(activities=[line]).broker.read_activities(SINCE)
    assert Bench(activities=[line | {"qty": "1"}]).broker.read_activities(SINCE)[0].symbol == "XLF261224P00035500"
