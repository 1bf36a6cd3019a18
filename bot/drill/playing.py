"""Playing the drill: every scene on its worlds, and every guard taken away once to see its scenes fail."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Literal

from msgspec.structs import replace

from bot.domain.desk import Desk
from bot.domain.errors import BotError, UsageError
from bot.domain.facts import Fact
from bot.domain.sessions import next_session, session_on
from bot.drill import meddling, protection, sending, surroundings
from bot.drill.account import Died
from bot.drill.guards import GUARDS, Guard, guards_of, without
from bot.drill.scene import IsOff, NotPlayable, Play, Scene
from bot.drill.stage import WORLDS, Setting, Stage, WorldName
from bot.markets.synthetic import SyntheticMarket

SCENES: tuple[Scene, ...] = tuple(
    sorted(
        (*sending.SCENES, *protection.SCENES, *meddling.SCENES, *surroundings.SCENES),
        key=lambda one: int(one.failure[1:]),
    )
)
"""Every scene, F1 first."""
FAILURES: tuple[str, ...] = tuple(dict.fromkeys(one.failure for one in SCENES))
FIRST_DAY = date(2026, 3, 2)
SESSIONS_MAX = 20
RICHER = (1, 10, 100)
"""How many times the cash of [simulator] is tried until an entry fits."""
AFTER_OPEN = (timedelta(minutes=75), timedelta(minutes=180))


class Outcome(Fact, frozen=True, kw_only=True):
    """What became of one scene on one world. `seen` holds numbers, `faults` what was not as it must be."""

    failure: str
    name: str
    world: WorldName
    played: str
    status: Literal["passed", "failed", "off"]
    seen: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    guards: tuple[str, ...] = ()
    seconds: float = 0.0


class Removed(Fact, frozen=True, kw_only=True):
    """What became of one scene without one guard: `noticed` says that it failed, as it must. None: the scene is off."""

    guard: str
    scene: str
    world: WorldName
    noticed: bool | None
    words: str


class Drilled(Fact, frozen=True, kw_only=True):
    """A whole drill. `removals` is empty where none were asked for; `richer` times the desk's own cash was there."""

    seed: int
    worlds: tuple[WorldName, ...]
    begins: datetime
    outcomes: tuple[Outcome, ...]
    removals: tuple[Removed, ...] = ()
    richer: int = 1

    @property
    def passed(self) -> bool:
        """Say whether nothing failed, and every guard that was taken away was missed."""
        return all(one.status != "failed" for one in self.outcomes) and all(
            one.noticed is not False for one in self.removals
        )

    def count(self, status: str) -> int:
        """Count the outcomes of a kind."""
        return sum(1 for one in self.outcomes if one.status == status)


def prepared(desk: Desk, seed: int) -> Desk:
    """Give the desk as the drill plays it: on its own seed, with nobody there to ask for a word."""
    return replace(desk, approvals=(), simulator=replace(desk.simulator, seed=seed))


def chosen(only: str) -> tuple[Scene, ...]:
    """Give the scenes of one failure (F7) or all; raises UsageError for another word."""
    if not only:
        return SCENES
    if only.upper() not in FAILURES:
        raise UsageError(f"--only takes one of {', '.join(FAILURES)}, got {only!r}")
    return tuple(one for one in SCENES if one.failure == only.upper())


def drill(
    desk: Desk, seed: int, *, worlds: Iterable[WorldName] = WORLDS, scenes: Iterable[Scene] = SCENES,
    removals: bool = False, shown: Callable[[Outcome | Removed], None] = lambda one: None,
) -> Drilled:  # fmt: skip
    """Play scenes on worlds, then, where asked, each again without its guards; `shown` is told of each as it ends."""
    mine, market, played = prepared(desk, seed), SyntheticMarket(seed), tuple(worlds)
    chosen_scenes = tuple(scenes)
    with TemporaryDirectory(prefix="bot-drill-") as name:
        folder = Path(name)
        mine, begins, richer = with_means(mine, market, folder)
        settings = {world: Setting(mine, market, world, begins) for world in played}
        outcomes: list[Outcome] = []
        for scene in chosen_scenes:
            for world in played:
                if world in scene.worlds:
                    outcomes.append(outcome_of(scene, settings[world], folder / f"{len(outcomes)}"))
                    shown(outcomes[-1])
        removed = list(_removed(chosen_scenes, settings, outcomes, folder, shown)) if removals else []
    return Drilled(
        seed=seed, worlds=played, begins=begins, outcomes=tuple(outcomes), removals=tuple(removed), richer=richer
    )  # fmt: skip


def with_means(desk: Desk, market: SyntheticMarket, folder: Path) -> tuple[Desk, datetime, int]:
    """Give the desk with cash enough that something can be opened, the moment it opens, and how many times its own.

    A drill is of the guards: an account that real money will not look like must not keep them from being played.
    """
    for times in RICHER:
        account = replace(desk.simulator, equity=desk.simulator.equity * times)
        richer = replace(desk, simulator=account)
        begins = first_entry_at(Setting(richer, market, "simulator", _moments()[0]), folder / f"scout-{times}")
        if begins is not None:
            return richer, begins, times
    return desk, _moments()[0], 1


def first_entry_at(setting: Setting, home: Path) -> datetime | None:
    """Give the first moment at which the desk's own strategies would send an entry; None where there is none."""
    stage = Stage(home, setting)
    try:
        for moment in _moments():
            stage.at = moment
            result = stage.tick(dry=True)
            if any(one.approved and one.intent.opens for one in result.verdicts):
                return moment
    finally:
        stage.close()
    return None


def _moments() -> list[datetime]:
    session = session_on(FIRST_DAY)
    found: list[datetime] = []
    while len(found) < SESSIONS_MAX * len(AFTER_OPEN):
        assert session is not None
        found += [session.open_at + offset for offset in AFTER_OPEN]
        session = next_session(session.day)
    return found


def outcome_of(scene: Scene, setting: Setting, folder: Path) -> Outcome:
    """Play one scene; whatever goes wrong while it is played fails it."""
    folder.mkdir()
    play, began = Play(folder, setting), perf_counter()
    status: Literal["passed", "failed", "off"] = "passed"
    try:
        scene.play(play)
    except IsOff as off:
        play.seen.append(str(off))
        status = "off"
    except NotPlayable as reason:
        play.faults.append(f"not played: {reason}")
    except (BotError, Died) as error:
        play.faults.append(f"it broke off: {type(error).__name__} {error}")
    except Exception as error:  # noqa: BLE001  a guard that is away, or a bug of ours: either fails the scene, named
        play.faults.append(f"it broke down: {type(error).__name__}: {error}")
    return Outcome(
        failure=scene.failure, name=scene.name, world=setting.world, played=scene.played,
        status="failed" if play.faults else status, seen=tuple(dict.fromkeys(play.seen)), faults=tuple(play.faults),
        guards=guards_of(scene.name, setting.world), seconds=round(perf_counter() - began, 3),
    )  # fmt: skip


def _removed(
    scenes: tuple[Scene, ...], settings: dict[WorldName, Setting], outcomes: list[Outcome], folder: Path,
    shown: Callable[[Outcome | Removed], None],
) -> Iterator[Removed]:  # fmt: skip
    """Play each scene without each of its guards; one that passes all the same leans on nothing."""
    off = {(one.name, one.world) for one in outcomes if one.status == "off"}
    for guard in GUARDS:
        for scene in scenes:
            for world, setting in settings.items():
                if scene.name not in guard.scenes or world not in guard.worlds or world not in scene.worlds:
                    continue
                if (scene.name, world) in off:
                    found = Removed(
                        guard=guard.name, scene=scene.name, world=world, noticed=None, words="off in this desk"
                    )
                else:
                    found = _without(guard, scene, setting, folder)
                shown(found)
                yield found


def _without(guard: Guard, scene: Scene, setting: Setting, folder: Path) -> Removed:
    try:
        with TemporaryDirectory(dir=folder) as name, without(guard):
            outcome = outcome_of(scene, setting, Path(name) / "home")
    except AttributeError as gone:
        return Removed(
            guard=guard.name, scene=scene.name, world=setting.world, noticed=False, words=f"nothing to remove: {gone}"
        )
    failed = outcome.status == "failed"
    words = "; ".join(outcome.faults) if failed else "it passed all the same: nothing of it leans on this guard"
    return Removed(guard=guard.name, scene=scene.name, world=setting.world, noticed=failed, words=words)
