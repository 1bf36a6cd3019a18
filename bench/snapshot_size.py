"""How many bytes a Snapshot of ten chains of 200 contracts takes on disk."""

from __future__ import annotations

from msgspec.structs import replace

from bench.desks import TEN
from bench.harness import against, finish, interleave_calls, line, title
from bot.domain.market import Chain, ChainRequest, EventsRequest, QuotesRequest, Request, Slab
from bot.domain.money import from_text
from bot.domain.snapshot import Snapshot, decode_snapshot, encode_snapshot
from bot.markets.synthetic import SyntheticMarket
from bot.tests.builders import NOON, a_snapshot

CONTRACTS = 200


def first_rows(chain: Chain, count: int) -> Chain:
    """Keep the first rows of a chain, whole expiries as far as they go."""
    slabs: list[Slab] = []
    for slab in chain.slabs:
        rows = min(count, len(slab.strikes))
        count -= rows
        if rows:
            slabs.append(
                replace(
                    slab, strikes=slab.strikes[:rows], bids=slab.bids[:rows], asks=slab.asks[:rows],
                    open_interests=slab.open_interests[:rows], deltas=slab.deltas[:rows],
                    volatilities=slab.volatilities[:rows],
                )
            )  # fmt: skip
    return replace(chain, slabs=tuple(slabs))


def some_snapshot(seed: int) -> Snapshot:
    """Read ten chains of the embedded market and cut each to 200 contracts."""
    chains: tuple[Request, ...] = tuple(
        ChainRequest(
            underlying=symbol, right="put", dte_min=7, dte_max=190,
            moneyness_min=from_text("0.60"), moneyness_max=from_text("1.40"),
        )
        for symbol in TEN
    )  # fmt: skip
    requests = (QuotesRequest(symbols=TEN), EventsRequest(symbols=TEN), *chains)
    reads = SyntheticMarket(seed).fetch(requests, NOON)
    cut = tuple(first_rows(chain, CONTRACTS) for chain in reads.chains)
    assert [chain.size for chain in cut] == [CONTRACTS] * len(TEN), [chain.size for chain in reads.chains]
    return a_snapshot(NOON, requests=requests, quotes=reads.quotes, chains=cut, events=reads.events)


def main() -> None:
    """Measure and print."""
    title("a Snapshot of ten chains of 200 contracts")
    stored = [encode_snapshot(some_snapshot(seed)) for seed in range(1, 6)]
    snapshot = decode_snapshot(stored[0])
    assert encode_snapshot(snapshot) == stored[0], "a decoded Snapshot must encode to its own bytes"
    seconds = interleave_calls(
        {"encode": lambda: encode_snapshot(snapshot), "decode": lambda: decode_snapshot(stored[0])}, rounds=9
    )
    line("encode and compress", f"{seconds['encode'] * 1000:.1f} ms")
    line("decompress and decode", f"{seconds['decode'] * 1000:.1f} ms")
    finish([against("largest of five seeds", max(map(len, stored)) / 1000, " kB", at_most=40)])


if __name__ == "__main__":
    main()
