"""Bars from files of other tools: columns, times and intervals recognised; what makes no sense refused by its line."""

import gzip
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings, strategies as st

from kit.files import MARKET
from kit.markets import instrument
from xtrade.data.readers import grid_of, read_bars
from xtrade.model.errors import DataError, UsageError
from xtrade.model.instruments import Kind

MINUTE_NS = 60_000_000_000
START = datetime(2024, 1, 1, tzinfo=UTC)
START_NS = int(START.timestamp()) * 10**9
FIRST = ("100.0", "101.5", "99.5", "100.5", "1.25")
SECOND = ("100.5", "100.5", "100.5", "100.5", "0")
NAMES = "timestamp,open,high,low,close,volume"
COLUMNS = ("open_ticks", "high_ticks", "low_ticks", "close_ticks", "volume_lots")


def bars(path, *rows, header=NAMES):
    path.write_text(
        "\n".join([*([header] if header else []), *(",".join(map(str, row)) for row in rows)]) + "\n"
    )
    return path


def ms(minute):
    return START_NS // 10**6 + minute * 60_000


def refusal(path, market=MARKET, **more):
    with pytest.raises(DataError) as caught:
        read_bars(path, market, **more)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def columns(read):
    return [tuple(int(getattr(read, name)[at]) for name in COLUMNS) for at in range(len(read))]


def frame(dates=None):
    """The two bars as freqtrade keeps them."""
    cells = list(zip(FIRST, SECOND, strict=True))
    return pl.DataFrame(
        {
            "date": dates or [START, START + timedelta(minutes=1)],
            **{
                name: [float(cell) for cell in pair]
                for name, pair in zip(NAMES.split(",")[1:], cells, strict=True)
            },
        }
    )


# What is recognised -----------------------------------------------------------------------------------------------


def test_bars_are_ticks_and_lots_at_their_begin(tmp_path):
    reading = read_bars(bars(tmp_path / "b.csv", (ms(0), *FIRST), (ms(1), *SECOND)), MARKET)

    assert columns(reading.data) == [(1000, 1015, 995, 1005, 1250), (1005, 1005, 1005, 1005, 0)]
    assert reading.data.start_ns.tolist() == [START_NS, START_NS + MINUTE_NS]
    assert reading.data.interval_ns == MINUTE_NS
    assert reading.lines() == ["2 rows of b.csv (ohlcv-csv)"]


def write_parquet(path):
    frame().write_parquet(path)


def write_feather(path):
    frame().write_ipc(path, compression="lz4")


def write_json(path):
    path.write_text(
        json.dumps([[ms(0), 100.0, 101.5, 99.5, 100.5, 1.25], [ms(1), 100.5, 100.5, 100.5, 100.5, 0]])
    )


def write_text_json(path):
    path.write_bytes(gzip.compress(json.dumps([[ms(0), *FIRST], [ms(1), *SECOND]]).encode()))


def write_binance(path):
    more = (ms(1), "125", 7, "1", "1", 0)
    bars(path, (ms(0), *FIRST, *more), (ms(1), *SECOND, *more), header="")


@pytest.mark.parametrize("write", [write_parquet, write_feather, write_json, write_text_json, write_binance])
def test_each_way_of_keeping_bars_tells_the_same(tmp_path, write):
    path = tmp_path / "bars"
    write(path)

    reading = read_bars(path, MARKET)

    assert columns(reading.data) == [(1000, 1015, 995, 1005, 1250), (1005, 1005, 1005, 1005, 0)]
    assert reading.data.start_ns.tolist() == [START_NS, START_NS + MINUTE_NS]
    nameless = ["bars: its columns have no names: taken as time, open, high, low, close, volume"]
    assert reading.counts.notes == (nameless if write is write_binance else [])


@pytest.mark.parametrize(
    "header",
    [
        "Date,Open,High,Low,Close,Volume",
        "open_time,open,high,low,close,volume",
        "t,o,h,l,c,v",
        '"Unix","Open","High","Low","Close","Volume BTC"',
        "datetime,open,high,low,close,base_volume",
    ],
)
def test_columns_are_known_by_many_names(tmp_path, header):
    path = bars(tmp_path / "b.csv", (ms(0), *FIRST), (ms(1), *SECOND), header=header)

    assert columns(read_bars(path, MARKET).data)[0] == (1000, 1015, 995, 1005, 1250)


@pytest.mark.parametrize(
    ("times", "zoned"),
    [
        ((ms(0) // 1000, ms(1) // 1000), True),
        ((f"{ms(0) // 1000}.0", f"{ms(1) // 1000}.0"), True),
        ((ms(0), ms(1)), True),
        ((ms(0) * 1_000, ms(1) * 1_000), True),
        ((ms(0) * 1_000_000, ms(1) * 1_000_000), True),
        (("2024-01-01T00:00:00Z", "2024-01-01T00:01:00Z"), True),
        (("2024-01-01 02:00:00+02:00", "2024-01-01 02:01:00+02:00"), True),
        (("2024-01-01 00:00:00", "2024-01-01 00:01:00"), False),
        (("2024-01-01 00:00", "2024-01-01 00:01"), False),
    ],
)
def test_times_are_recognised_and_a_missing_zone_is_said(tmp_path, times, zoned):
    path = bars(tmp_path / "b.csv", (times[0], *FIRST), (times[1], *SECOND))

    reading = read_bars(path, MARKET)

    assert reading.data.start_ns.tolist() == [START_NS, START_NS + MINUTE_NS]
    assert reading.counts.notes == ([] if zoned else ["b.csv: its times name no zone: read as UTC"])


def test_dates_without_a_zone_are_utc_and_said_so(tmp_path):
    naive = START.replace(tzinfo=None)
    frame([naive, naive + timedelta(minutes=1)]).write_parquet(tmp_path / "b.parquet")

    reading = read_bars(tmp_path / "b.parquet", MARKET)

    assert reading.data.start_ns[0] == START_NS
    assert "read as UTC" in reading.counts.notes[0]


def test_the_interval_is_the_most_common_step(tmp_path):
    path = bars(tmp_path / "b.csv", *[(ms(at), *SECOND) for at in (0, 5, 10, 15, 30)])

    assert (
        "line 6 of b.csv: 2 bars are missing between 2024-01-01T00:15:00Z and 2024-01-01T00:30:00Z"
        in refusal(path)
    )
    reading = read_bars(path, MARKET, accept={"gaps"})
    assert reading.data.interval_ns == 5 * MINUTE_NS
    assert (reading.counts.gaps, reading.counts.repaired, len(reading.data)) == (1, {"gaps": 1}, 5)
    assert "its bars are mostly 5m apart, not 1m" in refusal(path, interval="1m")


def test_a_single_bar_needs_its_interval(tmp_path):
    path = bars(tmp_path / "b.csv", (ms(0), *FIRST))

    assert "pass interval=" in refusal(path)
    assert read_bars(path, MARKET, interval="1h").data.interval_ns == 60 * MINUTE_NS


# What is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ((ms(1), "100.05", 101, 99, 100, 1), "line 3 of b.csv: price 100.05 is on no tick of 0.1"),
        ((ms(1), "nan", 101, 99, 100, 1), "line 3 of b.csv: price 'nan' is no number"),
        ((ms(1), "x", 101, 99, 100, 1), "line 3 of b.csv: price 'x' is no number"),
        ((ms(1), "", 101, 99, 100, 1), "line 3 of b.csv: open is missing"),
        ((ms(1), -1, 101, -2, 100, 1), "line 3 of b.csv: open of -10 ticks: a price is above zero"),
        ((ms(1), 100, 99, 99, 100, 1), "line 3 of b.csv: the high is below the open or the close"),
        ((ms(1), 100, 101, "100.5", 100, 1), "line 3 of b.csv: the low is above the open or the close"),
        ((ms(1), 100, 101, 99, 100, -1), "line 3 of b.csv: the volume is negative"),
        ((ms(1), 100, 101, 99, 100, "0.0001"), "line 3 of b.csv: volume 0.0001 is on no lot of 0.001"),
        ((ms(1), 100, 101, 99, 100, "inf"), "line 3 of b.csv: volume 'inf' is no number"),
        ((ms(1), 100, 101, 99, 100), "line 3 of b.csv: volume is missing"),
        ((ms(1), 100, 101, 99, 100, 1, 7), "this is no readable CSV file"),
        (
            (ms(0) - 60_000, 100, 101, 99, 100, 1),
            "line 3 of b.csv: 2023-12-31T23:59:00Z is before the row above it",
        ),
        ((ms(0), *FIRST), "line 3 of b.csv: the bar is there twice"),
        ((ms(0), *SECOND), "line 3 of b.csv: a second, different bar begins at 2024-01-01T00:00:00Z"),
        (("", *SECOND), "line 3 of b.csv: the time is missing"),
        (("noon", *SECOND), "line 3 of b.csv: time = 'noon': expected ISO 8601, or a number"),
        ((ms(1) // 1000, *SECOND), "they change their unit on the way"),
        ((-5, *SECOND), "some are before 1970"),
        (("nan", *SECOND), "some of them are no numbers"),
        ((10**14 - 1, *SECOND), "some are out of range"),
    ],
)
def test_a_bad_bar_is_named_by_its_line(tmp_path, row, says):
    assert says in refusal(bars(tmp_path / "b.csv", (ms(0), *FIRST), row))


def test_a_bar_off_the_interval_is_refused(tmp_path):
    path = bars(tmp_path / "b.csv", *[(ms(0) + at, *SECOND) for at in (0, 60_000, 120_000, 210_000)])

    assert "line 5 of b.csv: the bar begins 90s after the one above it: no multiple of 1m" in refusal(path)


def test_bars_in_the_wrong_order_may_be_sorted_and_their_twins_dropped(tmp_path):
    path = bars(tmp_path / "b.csv", (ms(1), *SECOND), (ms(0), *FIRST), (ms(1), *SECOND))

    reading = read_bars(path, MARKET, accept={"unsorted", "duplicates"})

    assert columns(reading.data) == [(1000, 1015, 995, 1005, 1250), (1005, 1005, 1005, 1005, 0)]
    assert reading.counts.repaired == {"unsorted": 1, "duplicates": 1}
    assert "rows out of order were sorted by time, stably" in "\n".join(reading.lines())


def test_volumes_off_the_lot_may_be_rounded(tmp_path):
    path = bars(
        tmp_path / "b.csv", (ms(0), 100, 100, 100, 100, "1.2346"), (ms(1), 100, 100, 100, 100, "0.0005")
    )

    assert "accept={'volume'} rounds volumes to the nearest lot" in refusal(path)
    reading = read_bars(path, MARKET, accept={"volume"})
    assert reading.data.volume_lots.tolist() == [1235, 0]
    assert reading.counts.repaired["volume"] == 2


def test_no_acceptance_makes_a_volume_of_what_is_no_number(tmp_path):
    for bad in ("nan", "inf", "x"):
        path = bars(tmp_path / "b.csv", (ms(0), 100, 100, 100, 100, bad), (ms(1), *SECOND))
        assert "line 2 of b.csv" in refusal(path, accept={"volume"})


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (
            "timestamp,open,high,low,close,quantity\n1,2,3,4,5,6\n",
            "no column for 'volume': expected one of volume, vol",
        ),
        ("timestamp,open,high,low,close,volume\n", "there is a header, but no rows"),
        ("timestamp,open,high,low,close,volume,low\n1,2,3,4,5,6,7\n", "the header names a column twice"),
        ("[]", "expected a list of bars"),
        ("[[1,2,3]]", "row 0 of b: expected [time, open, high, low, close, volume]"),
        ("[[1,2,3,4,5,null]]", "row 0 of b: volume = 'None' is no number"),
        ("[[1,2,3", "this is no readable JSON file"),
    ],
)
def test_another_layout_is_refused(tmp_path, content, says):
    (tmp_path / "b").write_text(content)

    assert says in refusal(tmp_path / "b")


def test_a_parquet_file_of_other_things_is_refused(tmp_path):
    frame().with_columns(open=pl.lit("x")).write_parquet(tmp_path / "text.parquet")
    frame().with_columns(open=pl.lit([1.0])).write_parquet(tmp_path / "list.parquet")
    frame().with_columns(date=pl.lit(True)).write_parquet(tmp_path / "true.parquet")
    frame().head(0).write_parquet(tmp_path / "none.parquet")

    assert "row 0 of text.parquet: price 'x' is no number" in refusal(tmp_path / "text.parquet")
    assert "the column 'open' holds List(Float64): expected numbers" in refusal(tmp_path / "list.parquet")
    assert "the time column holds Boolean" in refusal(tmp_path / "true.parquet")
    assert "the file has no rows" in refusal(tmp_path / "none.parquet")


def test_decimals_in_parquet_are_read_exactly(tmp_path):
    exact = frame().with_columns(volume=pl.Series([Decimal("1234567890123.456"), Decimal("0.001")]))
    exact.write_parquet(tmp_path / "b.parquet")

    assert read_bars(tmp_path / "b.parquet", MARKET).data.volume_lots.tolist() == [1234567890123456, 1]


def test_a_float_with_arithmetic_in_it_is_counted(tmp_path):
    frame().with_columns(volume=pl.Series([0.1 + 0.2, 0.3])).write_parquet(tmp_path / "b.parquet")

    reading = read_bars(tmp_path / "b.parquet", MARKET)

    assert reading.data.volume_lots.tolist() == [300, 300]
    assert reading.counts.repaired == {"rounded": 1}


def test_an_interval_takes_some_time(tmp_path):
    with pytest.raises(UsageError, match="an interval takes some time"):
        read_bars(bars(tmp_path / "b.csv", (ms(0), *FIRST)), MARKET, interval="0s")


def test_the_grid_of_bars(tmp_path):
    path = bars(
        tmp_path / "b.csv", (ms(0), *FIRST), (ms(1), *SECOND), header="time,open,high,low,close,Volume ETH"
    )

    assert grid_of(path, base="ETH") == (Decimal("0.5"), Decimal("1.25"))
    assert "no column for 'volume'" in refusal(path)
    assert len(read_bars(path, instrument(Kind.SPOT, base="ETH")).data) == 2


# The law ----------------------------------------------------------------------------------------------------------

made = st.lists(
    st.tuples(st.lists(st.integers(1, 2**31 - 1), min_size=4, max_size=4), st.integers(0, 10**12)),
    min_size=2,
    max_size=10,
)


@settings(max_examples=40)
@given(made, st.sampled_from(["csv", "json", "parquet", "feather"]), st.sampled_from([1, 60, 3600, 86_400]))
def test_what_was_written_is_read(tmp_path_factory, rows, kind, seconds):
    low_to_high = [(*sorted(prices), lots) for prices, lots in rows]
    expected = [(b, d, a, c, lots) for a, b, c, d, lots in low_to_high]  # open, high, low, close, volume
    start = [START_NS // 10**6 + at * seconds * 1000 for at in range(len(rows))]
    cells = [[*(MARKET.price(ticks) for ticks in row[:4]), MARKET.quantity(row[4])] for row in expected]
    path = tmp_path_factory.mktemp("law") / f"b.{kind}"
    if kind == "csv":
        bars(path, *((at, *row) for at, row in zip(start, cells, strict=True)))
    elif kind == "json":
        path.write_text(json.dumps([[at, *map(float, row)] for at, row in zip(start, cells, strict=True)]))
    else:
        table = pl.DataFrame(
            {
                "date": start,
                **{n: [float(row[i]) for row in cells] for i, n in enumerate(NAMES.split(",")[1:])},
            }
        )
        table.write_parquet(path) if kind == "parquet" else table.write_ipc(path)

    read = read_bars(path, MARKET).data

    assert columns(read) == expected
    assert np.array_equal(read.start_ns, np.array(start) * 10**6)
    assert read.interval_ns == seconds * 10**9
