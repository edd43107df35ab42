"""Tardis CSV: what the rows become, and what is refused with the line it is in."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings, strategies as st

from kit.files import MARKET, TICKER, book, csv, level, ticker, told, trade, trades, us
from kit.markets import instrument
from xtrade.data.readers import grid_of, read_tape
from xtrade.model.errors import DataError, UsageError
from xtrade.sim.replay.tape import Happening

BID, ASK = 0, 1
CLEAR, LEVEL, READY, GAP, TRADE, FUNDING = (
    Happening.CLEAR,
    Happening.LEVEL,
    Happening.READY,
    Happening.GAP,
    Happening.TRADE,
    Happening.FUNDING,
)
SNAPSHOT = (level(0, "bid", "99.9", 1, snapshot=True), level(0, "ask", "100.1", "0.5", snapshot=True))
SECOND = 1_000_000


def refusal(path, market=MARKET, **more):
    with pytest.raises(DataError) as caught:
        read_tape(path, market, **more)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# Books ------------------------------------------------------------------------------------------------------------


def test_a_book_is_told_anew_by_a_snapshot_and_then_changes(tmp_path):
    path = book(tmp_path / "book.csv", *SNAPSHOT, level(20, "bid", 100.0, 0.25), level(30, "bid", 100, 0))

    reading = read_tape(path, MARKET)

    assert told(reading.data) == [
        (10, 0, CLEAR, BID, 0, 0),
        (10, 0, CLEAR, ASK, 0, 0),
        (10, 0, LEVEL, BID, 999, 1000),
        (10, 0, LEVEL, ASK, 1001, 500),
        (10, 0, READY, BID, 0, 0),
        (30, 20, LEVEL, BID, 1000, 250),
        (40, 30, LEVEL, BID, 1000, 0),
    ]
    assert (reading.rows, reading.counts.snapshots, reading.counts.gaps) == (4, 1, 0)
    assert reading.data.trusted == [False]


def test_a_packed_file_is_the_same_file(tmp_path):
    plain = read_tape(book(tmp_path / "book.csv", *SNAPSHOT), MARKET)
    packed = read_tape(book(tmp_path / "book.csv.gz", *SNAPSHOT), MARKET)

    assert (plain.data.rows == packed.data.rows).all()


def test_a_snapshot_in_mid_file_replaces_the_book(tmp_path):
    path = book(
        tmp_path / "book.csv",
        level(0, "bid", 90, 1),
        level(SECOND, "bid", 95, 1, snapshot=True),
        level(SECOND + 5, "bid", 96, 1, snapshot=True),
        level(2 * SECOND, "ask", 97, 1),
    )

    reading = read_tape(path, MARKET)

    kinds = [row[2] for row in told(reading.data)]
    assert kinds == [LEVEL, CLEAR, CLEAR, LEVEL, LEVEL, READY, LEVEL]
    assert reading.counts.before_snapshot == 1
    assert "1: rows of the book came before its first snapshot" in reading.lines()


def test_rows_with_one_clock_are_counted(tmp_path):
    path = book(tmp_path / "book.csv", *SNAPSHOT, level(5, "bid", 99, 1, late=0, heard=12))
    same = book(tmp_path / "same.csv", level(0, "bid", 99, 1, late=0), level(1, "bid", 99, 2, late=0))

    assert read_tape(path, MARKET).counts.zero_latency == 0
    assert read_tape(same, MARKET).counts.zero_latency == 2


def test_a_quantity_beyond_what_a_float_carries_is_read_exactly(tmp_path):
    path = book(tmp_path / "book.csv", level(0, "bid", "99.9", "123456789012345.678"))

    assert told(read_tape(path, MARKET).data)[0][5] == 123456789012345678


def test_columns_may_come_in_any_order_with_others_between(tmp_path):
    header = "amount,price,note,side,is_snapshot,local_timestamp,timestamp,symbol,exchange"
    path = csv(
        tmp_path / "b.csv",
        header,
        [(1, 99.9, "x,".strip(","), "bid", "false", us(10), us(0), "BTCUSDT", "b")],
    )

    assert told(read_tape(path, MARKET).data) == [(10, 0, LEVEL, BID, 999, 1000)]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (
            level(1, "bid", "100.05", 1),
            "line 4 of b.csv: price 100.05 is on no tick of 0.1: the data is of another grid",
        ),
        (level(1, "bid", 100, "0.0001"), "line 4 of b.csv: quantity 0.0001 is on no lot of 0.001"),
        (level(1, "bid", "NaN", 1), "line 4 of b.csv: price: 'NaN' is no price"),
        (level(1, "bid", "inf", 1), "line 4 of b.csv: price: 'inf' is no price"),
        (level(1, "bid", 100, "1e400"), "line 4 of b.csv: amount: '1e400' is no quantity"),
        (level(1, "bid", "abc", 1), "line 4 of b.csv: price = 'abc' is no number"),
        (level(1, "bid", "", 1), "line 4 of b.csv: price is missing"),
        (level(1, "bid", -100, 1), "line 4 of b.csv: price of -1000 ticks: a price is above zero"),
        (level(1, "bid", 0, 1), "a price is above zero"),
        (level(1, "bid", 300_000_000, 1), "beyond what a tape holds"),
        (level(1, "bid", 100, -1), "line 4 of b.csv: amount is negative"),
        (level(1, "buy", 100, 1), "line 4 of b.csv: side = 'buy': expected one of bid, ask"),
        (level(1, "bid", 100, 1)[:7], "line 4 of b.csv: it has 7 fields where the header has 8"),
        ((*level(1, "bid", 100, 1), 5), "line 4 of b.csv: it has 9 fields where the header has 8"),
        (
            ("binance", "BTCUSDT", us(1), "soon", "false", "bid", 100, 1),
            "local_timestamp = 'soon' is no whole number",
        ),
        (
            ("binance", "BTCUSDT", us(1), us(9), "maybe", "bid", 100, 1),
            "is_snapshot = 'maybe': expected true or false",
        ),
        (
            ("binance", "BTCUSDT", 1_700_000_000_000, us(9), "false", "bid", 1, 1),
            "is no time in microseconds",
        ),
        ((), "line 4 of b.csv: it is empty"),
    ],
)
def test_a_bad_row_is_named_by_its_line(tmp_path, row, says):
    assert says in refusal(book(tmp_path / "b.csv", *SNAPSHOT, row, level(2, "bid", 99, 1)))


def test_the_grid_that_the_data_has_is_suggested(tmp_path):
    path = book(tmp_path / "b.csv", level(0, "bid", "100.05", 1), level(0, "ask", "100.10", 1))

    assert "pass an instrument with tick=0.05" in refusal(path)
    grid = grid_of(path)
    assert (grid.tick, grid.lot) == (Decimal("0.05"), 1)
    read_tape(path, instrument(tick=grid.tick, lot=grid.lot))


def test_lines_are_counted_through_all_blocks(tmp_path, monkeypatch):
    from xtrade.data import csv_tables, opening

    rows = [level(place, "bid", 100, 1) for place in range(200)]
    rows[150] = level(150, "bid", "100.01", 1)
    monkeypatch.setattr(csv_tables, "blocks", lambda path: opening.blocks(path, 300))

    assert "line 152 of b.csv: price 100.01" in refusal(book(tmp_path / "b.csv", *rows))


# Trades -----------------------------------------------------------------------------------------------------------


def test_trades_stand_before_the_book_of_the_same_instant(tmp_path):
    paths = [
        book(tmp_path / "book.csv", level(0, "bid", 99, 1), level(10, "bid", 99, 0)),
        trades(
            tmp_path / "trades.csv", trade(10, "sell", 99, 1, name="a"), trade(11, "buy", 100, 2, name="b")
        ),
    ]

    reading = read_tape(paths, MARKET)

    assert told(reading.data) == [
        (10, 0, LEVEL, BID, 990, 1000),
        (20, 10, TRADE, ASK, 990, 1000),
        (20, 10, LEVEL, BID, 990, 0),
        (21, 11, TRADE, BID, 1000, 2000),
    ]
    assert [(source.format, source.rows) for source in reading.sources] == [
        ("tardis-book", 2),
        ("tardis-trades", 2),
    ]


def test_a_trade_that_is_there_twice_is_refused_or_dropped(tmp_path):
    path = trades(
        tmp_path / "t.csv",
        trade(1, "buy", 100, 1, name="7"),
        trade(1, "buy", 100, 1, name="8"),
        trade(1, "buy", 100, 1, name="7"),
        trade(2, "buy", 100, 1, name="7"),
    )

    assert "line 4 of t.csv: the trade is there twice, by its id (accept={'duplicates'} goes on" in refusal(
        path
    )
    reading = read_tape(path, MARKET, accept={"duplicates"})
    assert len(reading.data.rows) == 3
    assert reading.counts.repaired == {"duplicates": 1}


def test_trades_without_ids_are_never_taken_for_the_same(tmp_path):
    path = trades(tmp_path / "t.csv", trade(1, "buy", 100, 1), trade(1, "buy", 100, 1))

    assert len(read_tape(path, MARKET).data.rows) == 2


def test_a_trade_that_nobody_took_is_refused_or_dropped(tmp_path):
    path = trades(tmp_path / "t.csv", trade(1, "unknown", 100, 1), trade(2, "buy", 100, 1))

    assert "line 2 of t.csv: nobody knows who took" in refusal(path)
    assert len(read_tape(path, MARKET, accept=["sides"]).data.rows) == 1


def test_a_trade_of_nothing_is_no_trade(tmp_path):
    assert "line 2 of t.csv: amount is not above zero" in refusal(
        trades(tmp_path / "t.csv", trade(1, "buy", 100, 0))
    )


# Order, clocks, gaps, other instruments ---------------------------------------------------------------------------


def test_rows_out_of_order_are_refused_or_sorted(tmp_path):
    path = book(tmp_path / "b.csv", level(5, "bid", 99, 1), level(0, "bid", 98, 1), level(5, "bid", 97, 0))

    assert "line 3 of b.csv: 2023-11-14T22:13:20.00001Z is before the row above it" in refusal(path)
    reading = read_tape(path, MARKET, accept={"unsorted"})
    assert [row[4] for row in told(reading.data)] == [980, 990, 970]
    assert reading.counts.repaired == {"unsorted": 1}


def test_after_sorting_a_line_keeps_its_number(tmp_path):
    path = book(tmp_path / "b.csv", level(5, "bid", 99, 1), level(0, "bid", -98, 1))

    assert "line 3 of b.csv: price of -980 ticks" in refusal(path, accept={"unsorted"})


def test_what_was_heard_before_it_happened_is_refused_or_put_right(tmp_path):
    path = book(tmp_path / "b.csv", level(500, "bid", 99, 1, late=-20))

    assert "is 20us after local_timestamp: it happened after it was heard" in refusal(path)
    reading = read_tape(path, MARKET, accept={"clocks"})
    assert told(reading.data) == [(480, 480, LEVEL, BID, 990, 1000)]
    assert reading.counts.repaired == {"clocks": 1}


def test_a_silence_is_a_gap_until_the_next_snapshot(tmp_path):
    path = book(
        tmp_path / "b.csv",
        *SNAPSHOT,
        level(90 * SECOND, "bid", 99, 2),
        level(91 * SECOND, "bid", 98, 1, snapshot=True),
    )

    assert "line 4 of b.csv: nothing was heard from" in refusal(path)
    assert "a gap of more than 1m" in refusal(path)
    reading = read_tape(path, MARKET, accept={"gaps"})
    rows = told(reading.data)
    assert [row[2] for row in rows] == [
        CLEAR,
        CLEAR,
        LEVEL,
        LEVEL,
        READY,
        GAP,
        LEVEL,
        CLEAR,
        CLEAR,
        LEVEL,
        READY,
    ]
    assert rows[5][:2] == (60 * SECOND + 10, 60 * SECOND + 10)
    assert (reading.counts.gaps, reading.counts.repaired, reading.counts.notes) == (1, {"gaps": 1}, [])
    assert read_tape(path, MARKET, silence="2m").counts.gaps == 0


def test_a_book_that_is_never_told_again_after_a_gap_is_noted(tmp_path):
    path = book(tmp_path / "b.csv", *SNAPSHOT, level(90 * SECOND, "bid", 99, 2))

    assert "not trusted from there to the end" in read_tape(path, MARKET, accept={"gaps"}).lines()[-1]


@given(silence=st.integers(61 * SECOND, 200 * SECOND), late=st.integers(0, 100 * SECOND))
def test_a_gap_is_over_at_the_venue_before_what_follows_it(tmp_path_factory, silence, late):
    path = tmp_path_factory.mktemp("gap") / "b.csv"
    book(path, *SNAPSHOT, level(silence - late, "bid", 99, 2, snapshot=True, late=late + 10))

    tape = read_tape(path, MARKET, accept={"gaps"}).data

    order = tape.venue_order if len(tape.venue_order) else range(len(tape.rows))
    happened = [int(tape.rows["kind"][at]) for at in order]
    assert happened.index(GAP) < len(happened) - 1
    assert happened[happened.index(GAP) :].count(READY) >= 1


def test_a_crossed_snapshot_is_refused_or_not_believed(tmp_path):
    path = book(
        tmp_path / "b.csv",
        level(0, "bid", 100, 1, snapshot=True),
        level(0, "ask", 100, 1, snapshot=True),
        level(5, "bid", 99, 1),
        level(9, "bid", 98, 1, snapshot=True),
        level(9, "ask", 99, 0, snapshot=True),
    )

    assert "line 2 of b.csv: the snapshot that begins here is crossed" in refusal(path)
    reading = read_tape(path, MARKET, accept={"crossed"})
    kinds = [row[2] for row in told(reading.data)]
    assert kinds == [CLEAR, CLEAR, LEVEL, LEVEL, GAP, LEVEL, CLEAR, CLEAR, LEVEL, LEVEL, READY]
    assert reading.counts.repaired == {"crossed": 1}


def test_rows_of_another_instrument_are_refused_or_dropped(tmp_path):
    path = book(tmp_path / "b.csv", level(0, "bid", 99, 1), level(1, "bid", "3.12345", 1, symbol="ETHUSDT"))

    assert "line 3 of b.csv: it is not of 'BTCUSDT'" in refusal(path)
    reading = read_tape(path, MARKET, accept={"others"})
    assert (len(reading.data.rows), reading.rows, reading.counts.repaired) == (1, 2, {"others": 1})


def test_a_file_may_have_another_name_for_the_instrument(tmp_path):
    path = book(tmp_path / "b.csv", level(0, "bid", 99, 1, symbol="XBTUSD"))

    assert "line 2 of b.csv" in refusal(path)
    assert "pass symbol='XBTUSD'" in refusal(path)
    assert len(read_tape(path, MARKET, symbol="XBTUSD").data.rows) == 1
    assert "none of its rows is of 'BTCUSDT'" in refusal(path, accept={"others"})


def test_names_differ_in_case_only(tmp_path):
    path = book(tmp_path / "b.csv", level(0, "bid", 99, 1, symbol="btcusdt"))

    assert len(read_tape(path, MARKET).data.rows) == 1


# Several files ----------------------------------------------------------------------------------------------------


def test_days_are_put_in_their_order(tmp_path):
    second = book(tmp_path / "2.csv", level(SECOND, "bid", 99, 1))
    first = book(tmp_path / "1.csv", level(0, "bid", 98, 1))

    assert [row[4] for row in told(read_tape([second, first], MARKET).data)] == [980, 990]


def test_days_that_overlap_are_refused(tmp_path):
    first = book(tmp_path / "1.csv", level(0, "bid", 98, 1), level(9, "bid", 98, 1))
    second = book(tmp_path / "2.csv", level(5, "bid", 99, 1))

    assert "2.csv begins at 2023-11-14T22:13:20.000015Z, before 1.csv ends" in refusal([first, second])


def test_a_day_that_is_missing_is_a_gap(tmp_path):
    first = book(tmp_path / "1.csv", level(0, "bid", 98, 1))
    third = book(tmp_path / "3.csv", level(100 * SECOND, "bid", 99, 1))

    assert "nothing was heard for 100s between 1.csv and 3.csv: is a file missing?" in refusal([first, third])
    reading = read_tape([first, third], MARKET, accept={"gaps"})
    assert [row[2] for row in told(reading.data)] == [LEVEL, GAP, LEVEL]
    assert reading.counts.gaps == 1


def test_the_same_file_twice_is_a_mistake(tmp_path):
    path = book(tmp_path / "1.csv", level(0, "bid", 98, 1))

    with pytest.raises(UsageError, match=r"1\.csv was given twice"):
        read_tape([path, path], MARKET)


# Funding ----------------------------------------------------------------------------------------------------------


def test_funding_is_settled_at_the_last_rate_and_mark_told_before(tmp_path):
    path = csv(
        tmp_path / "ticker.csv",
        TICKER,
        [
            ticker(0, 100, "0.0001", "100.04"),
            ticker(50, 100, "0.00012", ""),
            ticker(99, None, "", "100.06"),
            ticker(101, 200, "-0.00005", "105"),
            ticker(150, 200, "-0.00006", "104.96"),
            ticker(260, 300, "0.1", "110"),
        ],
    )

    assert told(read_tape(path, MARKET).data) == [
        (101, 100, FUNDING, 0, 1001, 120_000_000),
        (260, 200, FUNDING, 0, 1050, -60_000_000),
    ]


def test_funding_that_is_not_announced_is_noted(tmp_path):
    path = csv(tmp_path / "ticker.csv", TICKER, [ticker(0, None, "0.0001", 100), ticker(5, 5, "0.0001", 100)])

    reading = read_tape(path, MARKET)

    assert len(reading.data.rows) == 0
    assert reading.counts.notes == ["ticker.csv: it announces no funding: none is paid"]


def test_funding_without_a_mark_price_is_refused(tmp_path):
    path = csv(
        tmp_path / "ticker.csv", TICKER, [ticker(0, 100, "0.0001", ""), ticker(101, 200, "0.0001", 100)]
    )

    assert "line 3 of ticker.csv: funding falls due, but no mark_price was told before" in refusal(path)


# Snapshot files ---------------------------------------------------------------------------------------------------


SNAPSHOT_2 = "exchange,symbol,timestamp,local_timestamp," + ",".join(
    f"{side}[{place}].{what}"
    for place in range(2)
    for side in ("asks", "bids")
    for what in ("price", "amount")
)


def whole(at, asks, bids):
    cells = [cell for pair in zip(asks, bids, strict=True) for level_of in pair for cell in level_of]
    return ("binance", "BTCUSDT", us(at), us(at + 10), *cells)


def test_books_of_a_few_levels_are_told_as_what_changed(tmp_path):
    path = csv(
        tmp_path / "book_snapshot_2.csv",
        SNAPSHOT_2,
        [
            whole(0, [(100, 1), (101, 1)], [(99, 1), (98, 1)]),
            whole(1, [(100, 1), (101, 1)], [(99, 2), (98, 1)]),
            whole(2, [(100, 1), (102, 1)], [(99, 2), ("", "")]),
        ],
    )

    reading = read_tape(path, MARKET)

    assert told(reading.data) == [
        (10, 0, CLEAR, BID, 0, 0),
        (10, 0, CLEAR, ASK, 0, 0),
        (10, 0, LEVEL, BID, 990, 1000),
        (10, 0, LEVEL, BID, 980, 1000),
        (10, 0, LEVEL, ASK, 1000, 1000),
        (10, 0, LEVEL, ASK, 1010, 1000),
        (10, 0, READY, BID, 0, 0),
        (11, 1, LEVEL, BID, 990, 2000),
        (12, 2, LEVEL, BID, 980, 0),
        (12, 2, LEVEL, ASK, 1010, 0),
        (12, 2, LEVEL, ASK, 1020, 1000),
    ]
    assert reading.counts.snapshots == 1


books = st.lists(
    st.tuples(
        st.dictionaries(st.integers(990, 999), st.integers(1, 3), max_size=2),
        st.dictionaries(st.integers(1000, 1009), st.integers(1, 3), max_size=2),
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=50)
@given(books)
def test_after_each_row_the_book_is_what_the_row_says(tmp_path_factory, rows):
    def padded(side, best_first):
        cells = [(ticks / 10, lots / 1000) for ticks, lots in sorted(side.items(), reverse=best_first)]
        return [*cells, ("", ""), ("", "")][:2]

    path = csv(
        tmp_path_factory.mktemp("books") / "s.csv",
        SNAPSHOT_2,
        [whole(20 * at, padded(asks, False), padded(bids, True)) for at, (bids, asks) in enumerate(rows)],
    )
    known = ({}, {})
    after = {}
    for heard, _, kind, side, ticks, lots in told(read_tape(path, MARKET).data):
        if kind == LEVEL:
            known[side][ticks] = lots
        after[heard] = tuple({ticks: lots for ticks, lots in each.items() if lots} for each in known)

    now = ({}, {})
    for at, expected in enumerate(rows):
        now = after.get(20 * at + 10, now)
        assert now == expected


def test_a_crossed_book_is_refused_or_dropped(tmp_path):
    rows = [
        whole(0, [(100, 1), (101, 1)], [(99, 1), (98, 1)]),
        whole(1, [(100, 1), (101, 1)], [(100, 1), (98, 1)]),
    ]
    path = csv(tmp_path / "s.csv", SNAPSHOT_2, rows)

    assert "line 3 of s.csv: the book is crossed" in refusal(path)
    assert read_tape(path, MARKET, accept={"crossed"}).counts.repaired == {"crossed": 1}


# The law ----------------------------------------------------------------------------------------------------------

prices = st.integers(1, 2**31 - 1)
amounts = st.integers(0, 10**15)


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.sampled_from(["bid", "ask"]), prices, amounts),
        min_size=1,
        max_size=30,
    ),
    st.sampled_from(["0.1", "0.05", "0.25", "1", "10", "0.0000001"]),
    st.sampled_from(["0.001", "0.00000001", "5", "0.1"]),
)
def test_what_is_written_is_read(tmp_path_factory, rows, tick, lot):
    market = instrument(
        tick=Decimal(tick), lot=Decimal(lot), multiplier=Decimal("0.00000001"), native="BTCUSDT"
    )
    at, lines, expected = 0, [], []
    for gone, side, ticks, lots in rows:
        at += gone
        lines.append(level(at, side, f"{market.price(ticks):f}", f"{market.quantity(lots):f}"))
        expected.append((at + 10, at, LEVEL, ["bid", "ask"].index(side), ticks, lots))

    path = book(tmp_path_factory.mktemp("law") / "b.csv.gz", *lines)

    assert told(read_tape(path, market).data) == expected


@given(
    st.integers(1, 10**9),
    st.integers(1, 9),
    st.sampled_from([Decimal("0.1"), Decimal("0.05"), Decimal("0.25"), Decimal(10)]),
)
def test_what_is_off_the_grid_is_never_rounded(tmp_path_factory, count, tenths, tick):
    price = Fraction(tick) * count + Fraction(tick) * tenths / 10
    text = f"{Decimal(price.numerator) / Decimal(price.denominator):f}"
    path = book(tmp_path_factory.mktemp("off") / "b.csv", level(0, "bid", text, 1))

    assert f"price {text.rstrip('0').rstrip('.') if '.' in text else text} is on no tick" in refusal(
        path, instrument(tick=tick)
    )
