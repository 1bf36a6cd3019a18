"""Mutated answers: no order from a mutated number, nothing but errors that are explained, and a healthy tick after.

An order is from a mutated number when the gates, shown the true numbers of the same moment, would not let it leave.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest

from bot.domain.errors import BotError
from bot.tests.alpaca.desk import AlpacaDesk
from bot.tests.alpaca.facts import Fault
from bot.tests.alpaca.mutants import SCENES, Mutants
from bot.tests.alpaca.mutating import mutated
from bot.tests.alpaca.test_alpaca_bad_input import heals
from bot.tests.alpaca.wireless import wireless
from bot.tests.faults.soaking import many, seed_of

ANSWERS = many(45, 20_000)
LIVE_EACH = 10
BY_SOCKET = many(3, 60)


@pytest.mark.parametrize("scene", SCENES, ids=lambda one: one.__name__)
def test_no_order_comes_from_a_mutated_number(scene: Callable[[AlpacaDesk], None], tmp_path: Path) -> None:
    seed = seed_of(4)
    with AlpacaDesk(tmp_path / "desk") as desk, wireless(desk.world) as air:
        scene(desk)
        mutants = Mutants(air, desk, tmp_path, Random(seed))
        assert [one for one in mutants.truth.verdicts if one.approved], "on clean answers it sends something"
        turn = 0
        while mutants.answers < ANSWERS // len(SCENES):
            turn += 1
            (mutants.dry_turn if turn % LIVE_EACH else mutants.live_turn)()
    print(f"\n{scene.__name__}: {mutants.line} seed {seed}")
    assert mutants.orders > 0
    assert mutants.wrong == [], f"seed {seed}\n" + "\n".join(mutants.wrong[:12])


def test_mutated_answers_over_a_socket_end_in_explained_errors_too(tmp_path: Path) -> None:
    seed = seed_of(5)
    draw = Random(seed)
    with AlpacaDesk(tmp_path) as desk:
        for path in ("/v2/account$", "/v2/positions$", "/v2/orders$", "/v2/stocks/snapshots$") * BY_SOCKET:
            fault = desk.world.spoil(path)

            def bend(body: Any, path: str = path, fault: Fault = fault) -> Any:
                found = mutated(path, body, draw)
                fault.body = None if found is None else found[0]
                return body

            fault.change = bend
            with suppress(BotError):
                desk.tick(dry=True)
            desk.world.faults.clear()
        heals(desk)
