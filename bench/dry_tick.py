"""A dry tick as a whole process, against importing alpaca's trading client and nothing else.

The embedded market, a desk that holds nothing, 20 symbols with a chain each, the Snapshot stored.
"""

from __future__ import annotations

import json

from bench.desks import SESSION_MOMENT, TWENTY, a_desk, widen_chains
from bench.harness import against, bot, finish, interleave_processes, line, python, title

INTENTS_MIN, CHAINS_MIN, CONTRACTS_MIN = 20, 20, 200


def main() -> None:
    """Compare and print."""
    title("one dry tick, whole process, 20 symbols")
    with a_desk(TWENTY, "20000000", "aggressive") as env:
        widen_chains(env)
        tick = bot("tick", "--env", str(env), "--dry", "--at", SESSION_MOMENT, "--json")
        runs = interleave_processes({"tick": tick, "client": python("-c", "import alpaca.trading.client")}, rounds=9)
        told = json.loads(runs["tick"].output)
        chains = _chains(str(env))
    ours, theirs = runs["tick"], runs["client"]
    line("dry tick", f"{ours.wall * 1000:.0f} ms {ours.peak_mib:.0f} MiB")
    line('python -c "import alpaca.trading.client"', f"{theirs.wall * 1000:.0f} ms {theirs.peak_mib:.0f} MiB")
    finish([
        against("wall time over that import", ours.wall / theirs.wall, "x", at_most=0.5),
        against("peak memory over that import", ours.peak_mib / theirs.peak_mib, "x", at_most=0.5),
        against("intents judged", len(told["verdicts"]), "", at_least=INTENTS_MIN),
        against("chains read", len(chains), "", at_least=CHAINS_MIN),
        against("contracts in the smallest chain", min(chains, default=0), "", at_least=CONTRACTS_MIN),
    ])  # fmt: skip


def _chains(env: str) -> list[int]:
    """Give the sizes of the chains that this tick reads, from the same tick run in this process."""
    from datetime import datetime

    from bot.commands.ticking import one_tick
    from bot.wiring import load_house

    result = one_tick(load_house(env), dry=True, at=datetime.fromisoformat(SESSION_MOMENT), command="bench")
    return [chain.size for chain in result.snapshot.chains]


if __name__ == "__main__":
    main()
