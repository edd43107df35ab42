"""A replay that is given events as they come, against one that had them all before: same reports, money and books."""

from decimal import Decimal

import pytest
from hypothesis import given, strategies as st
from msgspec.structs import replace

from kit.markets import instrument
from kit.replays import MARKET, Do, intent
from xtrade.model.errors import DataError, UsageError
from xtrade.model.events import (
    BookDelta,
    BookSnapshot,
    Funding,
    InstrumentChanged,
    MarkPrice,
    Stale,
    Trade,
)
from xtrade.model.levels import Levels
from xtrade.model.sides import Side
from xtrade.sim.replay.live import LiveReplay
from xtrade.sim.replay.models import Assumptions, FillRule, Latency
from xtrade.sim.replay.replay import Reason, Replay
from xtrade.sim.replay.tape import Tape

OTHER = instrument(venue="okx")
MARKETS = (MARKET, OTHER)
END = 10_000

lots = st.integers(1, 9)
bids = st.lists(st.tuples(st.integers(90, 99), lots), max_size=4, unique_by=lambda level: level[0])
asks = st.lists(st.tuples(st.integers(101, 110), lots), max_size=4, unique_by=lambda level: level[0])
moves = st.lists(st.tuples(st.integers(95, 105), st.integers(0, 9)), max_size=3)
sides = st.sampled_from(Side)


def snapshot(ns, key, bids, asks):
    best = Levels.of(sorted(bids, reverse=True)), Levels.of(sorted(asks))
    return BookSnapshot(instrument=key, received_ns=ns, bids=best[0], asks=best[1])


@st.composite
def histories(draw):
    """What two venues tell, each thing at an instant of its own; and when grids become finer."""
    events = [snapshot(place + 1, each.key, [(99, 9)], [(101, 9)]) for place, each in enumerate(MARKETS)]
    now = {each.key: each for each in MARKETS}
    for ns in range(3, 3 + draw(st.integers(0, 40))):
        key = draw(st.sampled_from(MARKETS)).key
        what = draw(st.integers(0, 20))
        common = {"instrument": key, "received_ns": 3 * ns, "venue_ns": 3 * ns - draw(st.integers(0, 9))}
        if what < 9:
            told = [Levels.of(draw(moves)) for _ in range(2)]
            events.append(BookDelta(**common, bids=told[0], asks=told[1]))
        elif what < 16:
            ticks = draw(st.integers(95, 105))
            events.append(Trade(**common, trade_id=str(ns), ticks=ticks, lots=draw(lots), taker=draw(sides)))
        elif what == 16:
            events.append(Stale(**common, what="book", age_ns=0))
        elif what == 17:
            old = now[key]
            now[key] = replace(old, tick=old.tick / 2, lot=old.lot / 2, version=old.version + 1)
            events.append(InstrumentChanged(**common, now=now[key]))
            events.append(MarkPrice(**common, mark=Decimal("10.01")))
        elif what == 18:
            events.append(MarkPrice(**common, mark=Decimal("10.03")))
            events.append(Funding(**common, rate=Decimal("0.001"), next_ns=3 * ns + 5))
        else:
            events.append(snapshot(3 * ns, key, draw(bids), draw(asks)))
    return events + [snapshot(END, each.key, [], []) for each in MARKETS[:1]]


@st.composite
def plans(draw):
    doings = []
    for name in range(1, draw(st.integers(1, 12))):
        common = {"ns": draw(st.integers(1, 130)), "name": name, "market": draw(st.integers(0, 1))}
        style = draw(st.sampled_from(["gtc", "gtc", "ioc", "fok", "post_only", "market"]))
        ticks = None if style == "market" else draw(st.integers(95, 105))
        doings.append(Do(what="place", side=draw(sides), ticks=ticks, lots=draw(lots), style=style, **common))
        if draw(st.booleans()):
            what = draw(st.sampled_from(["cancel", "amend"]))
            ns = draw(st.integers(1, 150))
            doings.append(Do(ns, what, name, ticks=draw(st.integers(95, 105)), lots=draw(lots)))
    return sorted(doings, key=lambda do: do.ns)


latencies = st.builds(Latency.constant, st.integers(0, 9)) | st.builds(
    lambda seed: Latency.drawn([0, 3, 20], seed=seed), st.integers(0, 99)
)
assumed = st.builds(
    Assumptions,
    entry=latencies,
    response=latencies,
    fills=st.sampled_from(FillRule),
    impact=st.booleans(),
)


def do(replay, doing, told):
    try:
        if doing.what == "place":
            replay.place(intent(doing, replay.instrument(MARKETS[doing.market].key)))
        elif doing.what == "cancel":
            told.append(replay.cancel(doing.name))
        else:
            told.append(replay.amend(doing.name, lots=doing.lots, ticks=doing.ticks))
    except UsageError as error:
        told.append(str(error))


def until(replay, ns, told):
    while True:
        reasons = replay.advance(ns)
        told += replay.reports()
        if reasons & (Reason.TIME | Reason.END):
            return


def books(replay):
    return [
        (book.is_trusted, book.instrument, book.top, book.levels(Side.BUY, 99), book.levels(Side.SELL, 99))
        for book in (replay.book(each.key) for each in MARKETS)
    ]


def accounts(replay):
    return [(replay.account(each.key), replay.known_lots(each.key)) for each in MARKETS]


@given(histories(), plans(), assumed)
def test_what_comes_event_by_event_is_played_as_if_it_had_been_known(events, doings, assumptions):
    before = Replay(Tape.of(MARKETS, events).as_heard(), assumptions)
    now = LiveReplay(MARKETS, assumptions)
    told, told_live = [], []
    for ns in sorted({each.received_ns for each in events} | {each.ns for each in doings}):
        until(before, ns, told)
        for event in (each for each in events if each.received_ns == ns):
            now.take(event)
        until(now, ns, told_live)
        now.be_at(ns)
        assert books(now) == books(before)
        for doing in (each for each in doings if each.ns == ns):
            do(before, doing, told)
            do(now, doing, told_live)
    for replay, heard in ((before, told), (now, told_live)):
        until(replay, 2 * END, heard)

    assert told_live == told
    assert accounts(now) == accounts(before)


def test_a_message_may_have_more_rows_than_there_was_room_for():
    now = LiveReplay([MARKET])
    deep = [(ticks, 1 + ticks % 7) for ticks in range(1, 9_000)]
    for ns in (1, 2):
        now.take(snapshot(ns, MARKET.key, deep, [(9_000, 1)]))
        now.advance(ns)

    assert now.book(MARKET.key).levels(Side.BUY, 20_000) == deep[::-1]


def test_what_makes_no_sense_is_refused_and_changes_nothing():
    now = LiveReplay([MARKET])
    now.take(snapshot(1, MARKET.key, [(99, 1)], [(101, 1)]))
    now.advance(1)

    with pytest.raises(DataError, match="crossed"):
        now.take(snapshot(2, MARKET.key, [(105, 1)], [(101, 1)]))
    with pytest.raises(DataError, match="no quantity"):
        now.take(Trade(instrument=MARKET.key, received_ns=2, trade_id="1", ticks=1, lots=0, taker=Side.BUY))
    now.advance(2)

    assert (now.book(MARKET.key).bid_ticks, now.book(MARKET.key).ask_ticks) == (99, 101)
    assert now.book(MARKET.key).is_trusted
