"""The one way in: which file is what, what is never read, and that no bytes do more than be refused."""

import gzip
from contextlib import suppress

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from kit.files import BOOK, MARKET, TICKER, TRADES, book, level, npz, ns, trade, trades
from xtrade.data.formats import BARS, TAPES
from xtrade.data.readers import grid_of, read_bars, read_tape
from xtrade.data.reading import REPAIRS
from xtrade.model.errors import DataError, NumberError, UsageError


def refusal(read, path, **more):
    with pytest.raises(DataError) as caught:
        read(path, MARKET, **more)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def event(at):
    return (1 | 7 << 29, ns(at), ns(at), 99.0, 1.0)


@pytest.mark.parametrize("read", [read_tape, read_bars])
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "the file is empty"),
        (b"\n\n", "the file is empty"),
        (gzip.compress(b"", mtime=0), "the file is empty"),
        (b"hello\n", "no format recognises it (it begins with 'hello')"),
        (b"\x1f\x8b\x08\x00garbage", "the gzip file is"),
        (gzip.compress(b"hello", mtime=0)[:-4], "the gzip file is cut off: copy or download it again"),
    ],
)
def test_what_is_no_data_is_refused(tmp_path, read, content, says):
    (tmp_path / "d").write_bytes(content)

    assert says in refusal(read, tmp_path / "d")


def test_a_packed_file_that_ends_early_is_refused_wherever_it_ends(tmp_path):
    whole = book(
        tmp_path / "b.csv.gz", *[level(at, "bid", 99 + at % 7, 1 + at % 11) for at in range(2000)]
    ).read_bytes()
    for size in range(20, len(whole), 500):
        (tmp_path / "cut.csv.gz").write_bytes(whole[:size])
        assert "the gzip file is cut off" in refusal(read_tape, tmp_path / "cut.csv.gz")


def test_a_packed_file_with_a_wrong_byte_is_refused(tmp_path):
    raw = bytearray(
        book(tmp_path / "b.csv.gz", *[level(at, "bid", 99, 1) for at in range(2000)]).read_bytes()
    )
    raw[-6] ^= 1
    (tmp_path / "b.csv.gz").write_bytes(raw)

    assert "the gzip file is damaged" in refusal(read_tape, tmp_path / "b.csv.gz")


def test_what_is_not_there_is_said(tmp_path):
    assert "cannot be read: No such file or directory" in refusal(read_tape, tmp_path / "none.csv")
    assert "cannot be read: Is a directory" in refusal(read_tape, tmp_path)


@pytest.mark.parametrize("header", [BOOK, TRADES, TICKER])
def test_a_header_alone_is_no_data(tmp_path, header):
    (tmp_path / "d.csv").write_text(header + "\n")

    assert "there is a header, but no rows" in refusal(read_tape, tmp_path / "d.csv")


def test_a_wrong_header_is_named_where_the_format_is(tmp_path):
    (tmp_path / "d.csv").write_text("exchange,symbol,time,side,price,amount\n")

    assert "no format recognises it" in refusal(read_tape, tmp_path / "d.csv")
    assert "line 1 of d.csv: the header has no column 'timestamp'" in refusal(
        read_tape, tmp_path / "d.csv", format="tardis-book"
    )


def test_the_other_reader_is_pointed_to(tmp_path):
    (tmp_path / "bars.csv").write_text("time,open,high,low,close,volume\n1,2,3,4,5,6\n")
    path = trades(tmp_path / "t.csv", trade(1, "buy", 100, 1))

    assert "this is OHLCV, CSV: read it with read_bars" in refusal(read_tape, tmp_path / "bars.csv")
    assert "this is Tardis CSV, trades: read it with read_tape" in refusal(read_bars, path)
    assert "no column for 'open'" in refusal(read_bars, path, format="ohlcv-csv")


def test_two_tellers_of_one_book_are_refused(tmp_path):
    paths = [book(tmp_path / "b.csv", level(0, "bid", 99, 1)), npz(tmp_path / "d.npz", event(0))]

    assert "hftbacktest and tardis-book both tell the book" in refusal(read_tape, paths)


def test_unknown_names_are_answered_with_the_known(tmp_path):
    path = book(tmp_path / "b.csv", level(0, "bid", 99, 1))

    with pytest.raises(UsageError, match=r"accept='gap': expected some of .* Did you mean 'gaps'\?"):
        read_tape(path, MARKET, accept="gap")
    with pytest.raises(UsageError, match=r"format='tardis-books': .* Did you mean 'tardis-book'\?"):
        read_tape(path, MARKET, format="tardis-books")
    with pytest.raises(UsageError, match="no file"):
        read_tape([], MARKET)
    with pytest.raises(NumberError, match="no duration"):
        read_tape(path, MARKET, silence="long")


def test_a_grid_that_nobody_can_see_is_refused(tmp_path):
    path = book(tmp_path / "b.csv", level(0, "bid", 99, 0))

    with pytest.raises(DataError, match="its quantities lie on no grid that can be seen"):
        grid_of(path)


starts = st.sampled_from(
    [
        b"", b"PK\x03\x04", b"\x93NUMPY\x01\x00", b"PAR1", b"ARROW1\x00\x00", b"\x1f\x8b\x08\x00", b"[[1,",
        b"time,open,high,low,close,volume\n", BOOK.encode() + b"\n", TRADES.encode() + b"\n", TICKER.encode() + b"\n",
        BOOK.encode() + b"\nbinance,BTCUSDT,1700000000000000,1700000000000001,true,bid,1,",
    ]
)  # fmt: skip
words = st.sampled_from(
    ["", "1", "-1", "nan", "bid", "buy", "true", "BTCUSDT", "1700000000000000", '"', "1e99", "é"]
)
cells = st.lists(
    st.lists(words, max_size=12).map(lambda row: ",".join(row).encode()),
    max_size=5,
).map(b"\n".join)


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(starts, st.binary(max_size=200) | cells)
def test_no_bytes_do_more_than_be_refused(tmp_path_factory, start, rest):
    path = tmp_path_factory.getbasetemp() / "bytes"
    path.write_bytes(start + rest)
    every = frozenset(REPAIRS)
    for accept in (frozenset(), every):
        for each in (None, *(form.name for form in TAPES)):
            with suppress(DataError):
                read_tape(path, MARKET, format=each, accept=accept)
        for each in (None, *(form.name for form in BARS)):
            with suppress(DataError):
                read_bars(path, MARKET, format=each, accept=accept)
    with suppress(DataError):
        grid_of(path)


@settings(max_examples=100)
@given(st.data())
def test_no_changed_byte_of_an_npz_does_more_than_be_refused(tmp_path_factory, data):
    path = npz(tmp_path_factory.getbasetemp() / "changed.npz", event(0), event(1))
    raw = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(raw)

    with suppress(DataError):
        read_tape(path, MARKET)


@pytest.mark.parametrize("kind", ["parquet", "ipc"])
def test_bars_that_are_cut_off_are_refused_wherever_they_end(tmp_path, kind):
    table = pl.DataFrame(
        {"date": [0, 60_000], **{name: [1.0, 2.0] for name in ("open", "high", "low", "close", "volume")}}
    )
    getattr(table, f"write_{kind}")(tmp_path / "whole")
    whole = (tmp_path / "whole").read_bytes()
    for size in range(8, len(whole), 97):
        (tmp_path / "cut").write_bytes(whole[:size])
        assert "/cut: this is no readable" in refusal(read_bars, tmp_path / "cut")
