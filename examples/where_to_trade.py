"""Where to buy ten coins: two generated venues, their best prices after fees, what a size costs, and how to split it.

uv run python examples/where_to_trade.py
"""

from xtrade import Assumptions, Side, preset, synthetic_tape
from xtrade.market.best import Seen, best
from xtrade.market.impact import Amount, cheapest_split, price_impact
from xtrade.research.playback import TapeMarket
from xtrade.sim.replay.replay import Reason, Replay

MINUTE_NS = 60_000_000_000


def main() -> None:
    """Play ten minutes, then look at the books as they stand."""
    tape = synthetic_tape(preset("two-venues"), seed=7, start_ns=0, duration_ns=10 * MINUTE_NS)
    market = TapeMarket(tape, Replay(tape, Assumptions()))
    while not market.replay.advance(market.end_ns) & Reason.END:
        pass
    books = [market.book(key) for key in tape.keys]

    found = best([Seen.of(book, market.replay.now_ns) for book in books], market.replay.now_ns)
    assert found.bid is not None
    assert found.ask is not None
    print(
        f"sell at {found.bid.instrument.key}, buy at {found.ask.instrument.key}, edge {found.edge_bps:.2f} bps"
    )

    amount = Amount("10", "base")
    for book in books:
        alone = price_impact(book, Side.BUY, amount)
        print(
            f"{alone.instrument:<16} {alone.base} for {alone.total}{'' if alone.is_whole else ': more is not there'}"
        )
    split = cheapest_split(books, Side.BUY, amount)
    for part in split.parts:
        print(f"  of which {part.instrument:<16} {part.base}")
    print(f"{'split':<16} {split.base} for {split.total}")


if __name__ == "__main__":
    main()
