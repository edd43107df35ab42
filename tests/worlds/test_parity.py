"""One strategy, two clocks: on paper, and in a back-test over what it heard there, it makes the same orders.

The exchange and the replay are different models of a venue. Where they must agree they are compared to the nanosecond:
what is decided and when, what the venue accepts and when we hear of it, at which price a taker trades. Where they need
not (the queue in which a waiting order stands) nothing is claimed.
"""

import numpy as np
import pytest

from kit.desks import Scripted
from kit.sessions import PERP, SPOT, played
from xtrade.model.events import BookDelta, BookSnapshot, Trade
from xtrade.model.sides import Side
from xtrade.research.playback import TapeMarket, play
from xtrade.research.recorder import Recorder
from xtrade.runtime.ids import BITS_63, ClientOrderIds, MemoryMark
from xtrade.sim.replay.models import Assumptions, Latency
from xtrade.sim.replay.replay import Replay
from xtrade.sim.replay.tape import Happening, Tape
from xtrade.trading.engine import Engine
from xtrade.trading.subscriptions import BarFeed, BookFeed, TradeFeed

MS = 1_000_000
S = 1_000_000_000
COLUMNS = ("local_ns", "venue_ns", "kind", "side", "ticks", "lots")


def tape_of(run, key):
    """What was heard of one market, as a tape: the same news, at the same times, in the same order."""
    rows = []
    for event in run.heard:
        if getattr(event, "instrument", None) != key:
            continue
        at = (event.received_ns, event.venue_ns)
        match event:
            case BookSnapshot():
                rows += [(*at, Happening.CLEAR, side, 0, 0) for side in (0, 1)]
                rows += levels(at, event)
                rows.append((*at, Happening.READY, 0, 0, 0))
            case BookDelta():
                rows += levels(at, event)
            case Trade():
                rows.append((*at, Happening.TRADE, int(event.taker is Side.SELL), event.ticks, event.lots))
    columns = {
        name: np.array(column, np.int64)
        for name, column in zip(COLUMNS, zip(*rows, strict=True), strict=True)
    }
    return Tape.from_columns(run.session.books.instrument(key), **columns)


def levels(at, event):
    return [
        (*at, Happening.LEVEL, side, ticks, lots)
        for side, told in enumerate((event.bids, event.asks))
        for ticks, lots in told
    ]


def replayed(strategy, tape):
    """Play the tape to the strategy with the latencies of the exchange; return the records."""
    replay = Replay(tape, Assumptions(entry=Latency.constant(5 * MS), response=Latency.constant(5 * MS)))
    market, recorder = TapeMarket(tape, replay), Recorder()
    ids = ClientOrderIds(MemoryMark(BITS_63), lambda: engine.now_ns)
    engine = Engine({"s": strategy}, market, replay, ids=ids, journal=recorder)
    recorder.portfolio = engine.portfolio
    play(engine, market)
    return recorder


def rows(recorder, until_ns):
    """What was decided, and what was heard of it before the end came near."""
    return [
        (
            row.client_order_id,
            row.side,
            row.ticks,
            row.lots,
            row.decided_ns,
            row.accepted_ns,
            row.ended_ns if row.ended_ns and row.ended_ns < until_ns else None,
            row.status if row.ended_ns and row.ended_ns < until_ns else "open",
            row.reason if row.status == "refused" else "",
        )
        for row in recorder.orders()
        if row.decided_ns < until_ns
    ]


def follower(key):
    """Keeps an order well below the market, and moves it when the market has moved."""

    def book(ctx, book):
        wanted = book.bid_ticks - 40
        open_orders = ctx.orders()
        if not open_orders:
            ctx.buy(key, lots=7, ticks=wanted, post_only=True)
        elif abs(open_orders[0].ticks - wanted) > 3:
            open_orders[0].cancel()

    return Scripted(feeds=[BookFeed(key, every="50ms")], book=book)


def taker(key):
    """Buys and sells a little at the market, by turns, when a bar closes."""

    def bar(ctx, _bar):
        if ctx.position_lots(key):
            ctx.sell(key, lots=1)
        else:
            ctx.buy(key, lots=1)

    return Scripted(feeds=[BarFeed(key, "2s"), TradeFeed(key)], bar=bar)


@pytest.mark.parametrize("key", [PERP, SPOT])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_strategy_that_follows_the_market_makes_the_same_orders_to_the_nanosecond(key, seed):
    paper = played({"s": follower(key)}, 120, seed=seed)
    tape = tape_of(paper, key)
    recorder = replayed(follower(key), tape)

    until_ns = paper.session.start_ns + 119 * S
    ours = rows(paper.recorder, until_ns)
    assert len(ours) >= 5
    assert ours == rows(recorder, until_ns)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_taker_trades_at_the_same_prices_and_hears_of_it_at_the_same_times(seed):
    paper = played({"s": taker(PERP)}, 120, seed=seed)
    recorder = replayed(taker(PERP), tape_of(paper, PERP))

    until_ns = paper.session.start_ns + 119 * S
    ours, theirs = (
        [
            (row.client_order_id, row.fill.side, row.fill.ticks, row.fill.lots, row.fill.fee, row.received_ns)
            for row in each.fills
            if row.received_ns < until_ns
        ]
        for each in (paper.recorder, recorder)
    )
    assert len(ours) > 20
    assert ours == theirs
    assert rows(paper.recorder, until_ns) == rows(recorder, until_ns)


def test_what_a_strategy_is_told_is_the_same_call_by_call():
    told = []
    paper = None
    for _ in range(2):
        strategy = Scripted(
            feeds=[BookFeed(PERP, every="100ms"), TradeFeed(PERP), BarFeed(PERP, "5s")],
            book=lambda ctx, book, log=told: log.append((ctx.now_ns, book.bid_ticks, book.ask_ticks)),
        )
        if paper is None:
            paper = played({"s": strategy}, 60)
            first = strategy, told
        else:
            replayed(strategy, tape_of(paper, PERP))
        told = []
    end_ns = paper.session.start_ns + 59 * S
    # Books are shown, not kept: what was seen of them is noted as it is told.
    calls = [
        [(name, ns, *(what if name in {"trade", "bar"} else ())) for name, ns, *what in each.told
         if name in {"book", "trade", "bar"} and ns < end_ns]
        for each in (first[0], strategy)
    ]  # fmt: skip
    for trades in calls:  # a tape has no trade ids, and counts no messages
        trades[:] = [
            (name, ns, *((w.ticks, w.lots, w.taker, w.venue_ns) if name == "trade" else (w,) for w in what))
            for name, ns, *what in trades
        ]
    assert len(calls[0]) > 500
    assert calls[0] == calls[1]
