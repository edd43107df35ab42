"""A stretch cut out of a tape is played as it would have been as a part of the whole."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, strategies as st

from kit.markets import instrument
from kit.replays import BUY, MARKET, SELL, Do, level, mark, run, tape, trade
from xtrade.model.events import OrderFilled
from xtrade.model.sides import Side
from xtrade.sim.replay.excerpt import excerpt
from xtrade.sim.replay.models import Assumptions
from xtrade.sim.replay.replay import Reason, Replay
from xtrade.sim.replay.tape import Happening, Tape, merge

END_NS = 10_000
OTHER = instrument(venue="okx")


def known(replay, key=MARKET.key):
    return [replay.book(key).levels(side, 99) for side in Side], replay.book(key).is_trusted


def books(played, from_ns, key=MARKET.key):
    """Return the book as it is known at every instant from a time on."""
    replay = Replay(played, Assumptions())
    found = []
    for ns in range(from_ns, 60):
        while not replay.advance(ns) & (Reason.TIME | Reason.END):
            pass
        found.append(known(replay, key))
    return found


@st.composite
def feeds(draw):
    """Rows of a feed that loses its book at times, heard late; bids stay below asks."""
    ns, rows = 1, [mark(0, Happening.READY)] if draw(st.booleans()) else []
    for _ in range(draw(st.integers(0, 40))):
        ns += draw(st.integers(0, 3))
        heard = ns + draw(st.integers(0, 5))
        side = draw(st.sampled_from([BUY, SELL]))
        ticks = draw(st.integers(95, 99)) + (6 if side == SELL else 0)
        what = draw(st.integers(0, 9))
        if what < 7:
            rows.append(level(ns, side, ticks, draw(st.integers(0, 6)), heard=heard))
        elif what < 9:
            rows.append(trade(ns, side, ticks, draw(st.integers(1, 8)), heard=heard))
        elif rows and rows[0][2] == Happening.READY:
            rows += [mark(ns, draw(st.sampled_from([Happening.GAP, Happening.READY])))]
    return tape(sorted(rows, key=lambda row: row[0]))


@given(feeds(), st.integers(0, 50))
def test_the_books_of_an_excerpt_are_those_of_the_tape(whole, start_ns):
    part = excerpt(whole, start_ns, END_NS)

    assert books(part, start_ns) == books(whole, start_ns)


@given(feeds(), feeds(), st.integers(1, 50))
def test_each_instrument_of_an_excerpt_begins_with_its_own_book(one, two, start_ns):
    both = merge(one, Tape(two.rows, ((OTHER,),), two.joined))
    part = excerpt(both, start_ns, END_NS)

    for key in (MARKET.key, OTHER.key):
        assert books(part, start_ns, key) == books(both, start_ns, key)


def test_what_is_heard_before_and_from_the_end_on_is_left_out():
    whole = tape([trade(ns, BUY, 100, 1) for ns in (10, 20, 30, 40)])

    part = excerpt(whole, 20, 40)
    trades = part.rows[part.rows["kind"] == Happening.TRADE]
    assert trades["local_ns"].tolist() == [20, 30]
    assert np.array_equal(excerpt(whole, 0, 100).rows, whole.rows)


def test_an_order_in_an_excerpt_waits_behind_the_lots_that_were_there():
    rows = [level(1, BUY, 99, 5), level(2, SELL, 101, 5), trade(50, SELL, 99, 6), level(60, BUY, 99, 0)]
    part = excerpt(tape(rows), 10, END_NS)

    _, told = run(part, [Do(20, "place", 1, Side.BUY, 99, 4)])
    assert [event.fill.lots for event in told if isinstance(event, OrderFilled)] == [1]


def test_a_snapshot_does_not_undo_what_happened_before_and_is_heard_after():
    rows = [level(1, BUY, 99, 5), level(5, BUY, 99, 8, heard=15), level(30, SELL, 101, 3)]
    part = excerpt(tape(rows), 10, END_NS)

    replay = Replay(part, Assumptions())
    while not replay.advance(40) & Reason.END:
        pass
    assert known(replay) == ([[(99, 8)], [(101, 3)]], True)


def test_the_orders_of_an_l3_tape_are_at_the_front_of_an_excerpt():
    rows = [
        (1, 1, Happening.ADD, BUY, 99, 3),
        (2, 2, Happening.ADD, BUY, 99, 4),
        (30, 30, Happening.EXECUTE, BUY, 99, 3),
        (31, 31, Happening.EXECUTE, BUY, 99, 4),
        (32, 32, Happening.ADD, BUY, 99, 9),
    ]
    whole = tape(rows, order_id=[7, 8, 7, 8, 9])
    part = excerpt(whole, 10, END_NS)

    assert books(part, 10) == books(whole, 10)


@pytest.mark.parametrize(("start_ns", "ticks"), [(5, [1]), (15, []), (25, [])])
def test_an_excerpt_begins_on_the_grid_of_its_time(start_ns, ticks):
    coarse = instrument(tick=Decimal(1), version=1)
    rows = tape([level(1, BUY, 99, 5), mark(10, Happening.READY), level(20, BUY, 12, 1)]).rows
    rows["kind"][1], rows["ticks"][1] = Happening.GRID, 1
    whole = Tape(rows, ((MARKET, coarse),), np.zeros(0, np.int64)).checked()

    part = excerpt(whole, start_ns, END_NS)
    assert part.instruments[0][0] == (MARKET if ticks else coarse)
    assert part.rows["ticks"][part.rows["kind"] == Happening.GRID].tolist() == ticks
