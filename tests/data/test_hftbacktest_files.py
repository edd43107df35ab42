"""hftbacktest's npz: what is read is what was heard, and what is written comes back."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from kit.files import MARKET, npz, ns, told
from kit.markets import instrument
from kit.replays import mark, tape
from xtrade.data.hftbacktest.events import EVENT, events_of
from xtrade.data.hftbacktest.writer import write_hftbacktest
from xtrade.data.readers import grid_of, read_tape
from xtrade.model.errors import DataError, NumberError
from xtrade.sim.replay.tape import Happening, Tape, merge

EXCH, LOCAL, BUY, SELL = 1 << 31, 1 << 30, 1 << 29, 1 << 28
DEPTH, TRADE, CLEAR, SNAPSHOT, BBO, ADD = 1, 2, 3, 4, 5, 10
BID, ASK = 0, 1
SECOND = 1_000_000


def event(kind, at, price=0.0, quantity=0.0, *, flags=EXCH | LOCAL, late=10):
    return (kind | flags, ns(at), ns(at + late), price, quantity)


def refusal(path, **more):
    with pytest.raises(DataError) as caught:
        read_tape(path, MARKET, **more)
    return str(caught.value)


# Reading ----------------------------------------------------------------------------------------------------------


def test_levels_and_trades_are_read_onto_the_grid(tmp_path):
    path = npz(
        tmp_path / "d.npz",
        event(DEPTH | BUY, 0, 99.9, 0.25),
        event(TRADE | SELL, 1, 99.9, 0.1),
        event(DEPTH | SELL, 2, 0.1 + 0.2, 0),
    )

    reading = read_tape(path, MARKET)

    assert told(reading.data) == [
        (10, 0, Happening.LEVEL, BID, 999, 250),
        (11, 1, Happening.TRADE, ASK, 999, 100),
        (12, 2, Happening.LEVEL, ASK, 3, 0),
    ]
    assert reading.counts.repaired == {"rounded": 1}
    assert "a float's arithmetic" in reading.lines()[-1]


def test_an_event_in_two_rows_is_one_row_where_it_was_heard(tmp_path):
    path = npz(
        tmp_path / "d.npz",
        event(DEPTH | BUY, 0, 99, 1, late=50),
        event(DEPTH | BUY, 7, 98, 1, flags=EXCH, late=60),
        event(DEPTH | BUY, 9, 97, 1, late=51),
        event(DEPTH | BUY, 7, 98, 1, flags=LOCAL, late=60),
    )

    assert [row[4] for row in told(read_tape(path, MARKET).data)] == [990, 970, 980]


@pytest.mark.parametrize(
    ("flag", "says"), [(EXCH, "was never heard"), (LOCAL, "never happened at the venue")]
)
def test_an_event_without_its_other_half_is_refused_or_dropped(tmp_path, flag, says):
    path = npz(
        tmp_path / "d.npz",
        event(DEPTH | BUY, 0, 99, 1),
        event(DEPTH | BUY, 1, 98, 1, flags=EXCH),
        event(DEPTH | BUY, 1, 98, 1, flags=LOCAL),
        event(DEPTH | BUY, 1, 98, 1, flags=flag),
    )

    assert "of d.npz: " in refusal(path)
    assert says in refusal(path)
    reading = read_tape(path, MARKET, accept={"unpaired"})
    assert reading.counts.repaired["unpaired"] >= 1


def test_a_clear_and_its_snapshot_tell_the_book_anew(tmp_path):
    path = npz(
        tmp_path / "d.npz",
        event(DEPTH | BUY, 0, 99, 1),
        event(CLEAR | BUY, 5, 90, 0),
        event(SNAPSHOT | BUY, 5, 98, 1),
        event(CLEAR | SELL, 5, 110, 0),
        event(SNAPSHOT | SELL, 5, 100, 1),
        event(DEPTH | BUY, 6, 97, 1),
    )

    reading = read_tape(path, MARKET)

    assert told(reading.data)[1:6] == [
        (15, 5, Happening.CLEAR, BID, 0, 0),
        (15, 5, Happening.LEVEL, BID, 980, 1000),
        (15, 5, Happening.CLEAR, ASK, 0, 0),
        (15, 5, Happening.LEVEL, ASK, 1000, 1000),
        (15, 5, Happening.READY, BID, 0, 0),
    ]
    assert reading.counts.snapshots == 1


def test_a_clear_up_to_a_price_removes_the_levels_up_to_it(tmp_path):
    path = npz(
        tmp_path / "d.npz",
        event(DEPTH | BUY, 0, 99, 1),
        event(DEPTH | BUY, 0, 98, 1),
        event(DEPTH | BUY, 0, 97, 1),
        event(DEPTH | SELL, 0, 100, 1),
        event(DEPTH | SELL, 0, 101, 1),
        event(CLEAR | BUY, 5, 98, 0),
        event(CLEAR | SELL, 6, 100, 0),
        event(CLEAR, 7, 0, 0),
    )

    rows = told(read_tape(path, MARKET).data)[5:]

    assert sorted(rows[:2]) == [(15, 5, Happening.LEVEL, BID, 980, 0), (15, 5, Happening.LEVEL, BID, 990, 0)]
    assert rows[2:] == [
        (16, 6, Happening.LEVEL, ASK, 1000, 0),
        (17, 7, Happening.CLEAR, BID, 0, 0),
        (17, 7, Happening.CLEAR, ASK, 0, 0),
    ]


@pytest.mark.parametrize(("flag", "price"), [(BUY, float("nan")), (SELL, float("inf")), (SELL, float("nan"))])
def test_a_clear_of_no_price_or_beyond_all_removes_the_side(tmp_path, flag, price):
    path = npz(
        tmp_path / "d.npz",
        event(DEPTH | BUY, 0, 99, 1),
        event(DEPTH | SELL, 0, 100, 1),
        event(CLEAR | flag, 5, price),
    )

    assert told(read_tape(path, MARKET).data)[2:] == [(15, 5, Happening.CLEAR, int(flag == SELL), 0, 0)]


def test_best_quotes_are_left_out_and_said_so(tmp_path):
    path = npz(tmp_path / "d.npz", event(DEPTH | BUY, 0, 99, 1), event(BBO | BUY, 1, 98, 1))

    reading = read_tape(path, MARKET)

    assert len(reading.data.rows) == 1
    assert reading.counts.notes == ["d.npz: 1 best bids and asks left out: the levels say it"]


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (event(DEPTH | BUY, 1, 100.05, 1), "row 1 of d.npz: price 100.05 is on no tick of 0.1"),
        (event(DEPTH | BUY, 1, 100, 0.0001), "row 1 of d.npz: quantity 0.0001 is on no lot of 0.001"),
        (event(DEPTH | BUY, 1, float("nan"), 1), "row 1 of d.npz: px = nan is no number"),
        (event(DEPTH | BUY, 1, 100, float("inf")), "row 1 of d.npz: qty = inf is no number"),
        (event(DEPTH | BUY, 1, -100, 1), "row 1 of d.npz: px of -1000 ticks: a price is above zero"),
        (event(DEPTH | BUY, 1, 100, -1), "row 1 of d.npz: qty is negative"),
        (event(TRADE | BUY, 1, 100, 0), "row 1 of d.npz: qty is zero: no trade"),
        (event(DEPTH, 1, 100, 1), "row 1 of d.npz: it has no side"),
        (event(TRADE, 1, 100, 1), "row 1 of d.npz: nobody knows who took"),
        (event(DEPTH | BUY | SELL, 1, 100, 1), "row 1 of d.npz: it is of both sides"),
        (event(ADD | BUY, 1, 100, 1), "row 1 of d.npz: it speaks of an order (L3)"),
        (event(77 | BUY, 1, 100, 1), "is no kind of event"),
        (event(DEPTH | BUY, 1, 100, 1, flags=0), "is neither at the venue nor heard"),
        (event(DEPTH | BUY, -20, 100, 1), "is before the row above it"),
        (event(DEPTH | BUY, 50, 100, 1, late=-1), "it happened after it was heard"),
        (event(DEPTH | BUY, 99 * SECOND, 100, 1), "nothing was heard from"),
    ],
)
def test_a_bad_event_is_named_by_its_row(tmp_path, bad, says):
    path = npz(tmp_path / "d.npz", event(DEPTH | BUY, 0, 99, 1), bad)

    assert says in refusal(path)


def test_a_crossed_snapshot_is_refused(tmp_path):
    path = npz(tmp_path / "d.npz", event(SNAPSHOT | BUY, 0, 100, 1), event(SNAPSHOT | SELL, 0, 99, 1))

    assert "row 0 of d.npz: the snapshot that begins here is crossed" in refusal(path)


def test_trades_without_a_taker_may_be_dropped(tmp_path):
    path = npz(tmp_path / "d.npz", event(TRADE, 0, 100, 1), event(TRADE | BUY, 1, 100, 1))

    reading = read_tape(path, MARKET, accept={"sides"})

    assert (len(reading.data.rows), reading.counts.repaired["sides"]) == (1, 1)


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (np.zeros(3), "its array has no field 'ev'"),
        (np.zeros((2, 6)), "its array has no field 'ev'"),
        (np.zeros(0, EVENT), "the file has no events"),
        (np.zeros((2, 2), EVENT), "holds uint64 in 2 dimensions"),
        (
            np.zeros(2, [(n, "<f8") for n in ("ev", "exch_ts", "local_ts", "px", "qty")]),
            "the field ev holds float64",
        ),
        (np.array([{}], object), "this is no readable npz file"),
    ],
)
def test_another_layout_is_refused(tmp_path, array, says):
    np.savez(tmp_path / "d.npz", data=array)

    assert says in refusal(tmp_path / "d.npz")


def test_a_file_that_is_cut_off_is_refused(tmp_path):
    whole = npz(tmp_path / "d.npz", *[event(DEPTH | BUY, at, 99, 1) for at in range(50)]).read_bytes()
    for size in (4, 100, len(whole) // 2, len(whole) - 1):
        (tmp_path / "cut.npz").write_bytes(whole[:size])
        assert "cut.npz: this is no readable npz file" in refusal(tmp_path / "cut.npz")


def test_the_grid_of_a_file(tmp_path):
    path = npz(tmp_path / "d.npz", event(DEPTH | BUY, 0, 99.95, 0.3), event(CLEAR | BUY, 0, 1e-9, 0))

    assert grid_of(path) == (Decimal("99.95"), Decimal("0.3"))


# Writing ----------------------------------------------------------------------------------------------------------


def test_what_the_format_has_no_words_for_is_counted(tmp_path):
    rows = [(ns(at), ns(at), *rest) for at, rest in enumerate([
        (Happening.LEVEL, BID, 999, 5), (Happening.READY, 0, 0, 0), (Happening.GAP, 0, 0, 0),
        (Happening.FUNDING, 0, 1000, -3), (Happening.TRADE, ASK, 999, 5),
    ])]  # fmt: skip
    written = write_hftbacktest(tape(rows, MARKET), tmp_path / "d.npz")

    assert (written.rows, written.left_out) == (2, {"GAP": 1, "FUNDING": 1, "READY": 1})


def test_each_order_of_a_written_file_ascends(tmp_path):
    path = tmp_path / "d.npz"
    rows = [
        (ns(100 + at), ns(happened), Happening.LEVEL, BID, 999, 5)
        for at, happened in enumerate([9, 3, 7, 7, 20, 8])
    ]
    write_hftbacktest(tape(rows, MARKET), path)

    array = events_of(path)
    assert array.dtype == EVENT
    for flag, column in ((EXCH, "exch_ts"), (LOCAL, "local_ts")):
        times = array[column][(array["ev"] & np.uint64(flag)) != 0]
        assert len(times) == 6
        assert (np.diff(times) >= 0).all()
    assert array["px"][0] == 99.9


def test_a_tape_that_does_not_fit_is_refused(tmp_path):
    grid = Tape(tape([mark(1, Happening.GRID, ticks=1)][:0]).rows, ((MARKET,),), np.zeros(0, np.int64))
    two = merge(grid, Tape(grid.rows, ((instrument(symbol="ETH/USDT:USDT"),),), np.zeros(0, np.int64)))
    orders = tape([(1, 1, Happening.ADD, BID, 5, 5)], order_id=[1])
    big = tape([(1, 1, Happening.LEVEL, BID, 5, 10**17)])

    for bad, error, says in [
        (two, DataError, "a tape of 2 instruments"),
        (orders, DataError, "the tape has orders"),
        (big, NumberError, "more digits than a float carries"),
    ]:
        with pytest.raises(error, match=says):
            write_hftbacktest(bad, tmp_path / "d.npz")
    assert not (tmp_path / "d.npz").exists()


def test_a_file_is_replaced_whole(tmp_path):
    path = tmp_path / "new" / "d.npz"
    for lots in (1, 2):
        write_hftbacktest(tape([(ns(0), ns(0), Happening.LEVEL, BID, 999, lots)], MARKET), path)

    assert told(read_tape(path, MARKET).data)[0][5] == 2
    assert [each.name for each in path.parent.iterdir()] == ["d.npz"]


levels = st.tuples(st.sampled_from([BID, ASK]), st.integers(0, 400), st.integers(0, 10**9))
changes = st.one_of(
    st.builds(lambda level: ("level", level), levels),
    st.builds(lambda level: ("trade", level), levels),
    st.builds(lambda book: ("snapshot", book), st.lists(levels, min_size=1, max_size=4)),
)


@settings(max_examples=150)
@given(st.lists(st.tuples(changes, st.integers(0, 50), st.integers(0, 40)), min_size=1, max_size=20))
def test_a_tape_that_was_written_is_read_back(tmp_path_factory, history):
    heard, rows = 1_000, []
    for (what, told_of), gone, latency in history:
        heard += gone
        stamps = (ns(heard), ns(heard - latency))
        if what == "level":
            side, ticks, lots = told_of
            rows.append((*stamps, Happening.LEVEL, side, 1 + ticks, lots))
        elif what == "trade":
            side, ticks, lots = told_of
            rows.append((*stamps, Happening.TRADE, side, 1 + ticks, lots + 1))
        else:
            rows += [(*stamps, Happening.CLEAR, side, 0, 0) for side in (BID, ASK)]
            rows += [
                (*stamps, Happening.LEVEL, side, 1 + ticks + (500 if side == ASK else 0), lots)
                for side, ticks, lots in told_of
            ]
            rows.append((*stamps, Happening.READY, 0, 0, 0))
    written = tape(rows, MARKET)
    path = tmp_path_factory.mktemp("law") / "d.npz"
    assert write_hftbacktest(written, path).left_out == {}

    assert told(read_tape(path, MARKET).data) == told(written)
