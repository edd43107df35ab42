"""A result is the same in memory and in a folder, and a folder is whole, refused, or not there."""

import builtins
import re
import resource
from xml.etree import ElementTree as ET

import polars as pl
import pytest

from kit.recordings import empty_recording, sample_recording, worked_recording
from xtrade.model.errors import DataError, UsageError
from xtrade.research.fingerprint import fingerprint, fingerprint_of_bytes, fingerprint_of_file
from xtrade.research.metrics import Metric
from xtrade.research.recording import TABLES, Recording, StrategyRun
from xtrade.research.result import Result
from xtrade.research.summary import written


@pytest.fixture(scope="module")
def result():
    return Result.of(sample_recording(failing=True))


@pytest.fixture
def saved(result, tmp_path):
    return result.save(tmp_path / "runs" / "first")


@pytest.mark.parametrize(
    "recording", [sample_recording(failing=True), empty_recording()], ids=["busy", "empty"]
)
def test_what_is_saved_is_what_is_loaded(recording, tmp_path):
    result = Result.of(recording)
    loaded = Result.load(result.save(tmp_path / "run"))

    assert loaded.run == result.run
    assert loaded.metrics == result.metrics
    assert loaded.summary() == result.summary()
    for name in TABLES:
        assert loaded.table(name).equals(result.table(name), null_equal=True), name


def test_every_table_has_the_columns_it_promises(result):
    for name, columns in TABLES.items():
        assert result.table(name).columns == [column.name for column in columns]


def test_what_is_unknown_is_null_and_never_nan(result):
    for name in TABLES:
        frame = result.table(name)
        floats = frame.select(pl.selectors.float())
        assert (
            not floats.select(pl.any_horizontal(pl.all().is_nan().any())).item() if floats.width else True
        ), name

    assert result.orders.filter(pl.col("status") == "refused")["accepted_ns"].is_null().all()
    assert result.positions.filter(pl.col("lots") == 0)["entry_price"].is_null().all()


def test_the_tables_of_the_worked_run():
    result = Result.of(worked_recording())
    first = result.fills.row(0, named=True)

    assert (first["price"], first["quantity"], first["value"], first["fee"]) == (99.8, 2.0, 199.6, -0.02)
    assert (first["mid_at_fill"], first["mid_1s"], first["mid_10s"], first["mid_60s"]) == (100, 100, 101, 101)
    assert first["markout_10s"] == pytest.approx(2.4)
    assert first["markout_10s_bps"] == pytest.approx(1.2 / 99.8 * 10_000)
    assert result.fills["mid_60s"].null_count() == 2
    assert result.orders["average_price"].to_list() == pytest.approx(
        [99.8, 100.9, 102.1, 101.1, 99.9, *[None] * 3]
    )
    assert result.equity["equity"][-1] == pytest.approx(1001.9)


def test_the_same_run_makes_the_same_files(tmp_path):
    one = Result.of(sample_recording(seed=7)).save(tmp_path / "one")
    other = Result.of(sample_recording(seed=7)).save(tmp_path / "other")

    assert {path.name: path.read_bytes() for path in one.iterdir()} == {
        path.name: path.read_bytes() for path in other.iterdir()
    }


def test_the_same_run_may_be_saved_again(result, saved):
    assert result.save(saved) == saved
    assert sorted(path.name for path in saved.parent.iterdir()) == ["first"]


def test_another_run_is_not_written_over_unless_told(saved):
    other = Result.of(empty_recording())

    with pytest.raises(UsageError, match="holds the result of another run"):
        other.save(saved)
    assert Result.load(saved).run.seed == 1

    other.save(saved, replace=True)
    assert Result.load(saved).run.seed is None
    assert sorted(path.name for path in saved.parent.iterdir()) == ["first"]


def test_a_folder_of_something_else_is_never_written_over(result, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_bytes(b"miaow")
    (tmp_path / "note").write_text("a file")

    with pytest.raises(UsageError, match="holds something that is no result"):
        result.save(tmp_path / "photos", replace=True)
    with pytest.raises(UsageError, match="a file has that name"):
        result.save(tmp_path / "note", replace=True)
    assert (tmp_path / "photos" / "cat.jpg").read_bytes() == b"miaow"


def test_an_empty_folder_is_filled(result, tmp_path):
    (tmp_path / "new").mkdir()

    assert Result.load(result.save(tmp_path / "new")).run == result.run


@pytest.fixture
def small_files():
    """No file may grow beyond ten kilobytes, as if the disk were full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_save_that_fails_leaves_what_was_there(result, saved, tmp_path, small_files):
    before = {path.name: path.read_bytes() for path in saved.iterdir()}
    other = Result.of(sample_recording(seed=2))

    with pytest.raises(DataError, match="first: the result cannot be written: .*File too large"):
        other.save(saved, replace=True)
    with pytest.raises(DataError, match="second: the result cannot be written"):
        other.save(saved.with_name("second"))

    assert {path.name: path.read_bytes() for path in saved.iterdir()} == before
    assert sorted(path.name for path in saved.parent.iterdir()) == ["first"]


def test_no_folder_is_an_error_that_says_so(tmp_path):
    with pytest.raises(DataError, match="there is no such folder"):
        Result.load(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["run.json", "metrics.json", *(f"{table}.parquet" for table in TABLES)])
def test_a_missing_file_is_named(saved, name):
    (saved / name).unlink()

    with pytest.raises(DataError, match=rf"first/{name}: the file is missing"):
        Result.load(saved)


@pytest.mark.parametrize("name", ["run.json", "metrics.json", "fills.parquet"])
def test_a_damaged_file_is_named(saved, name):
    (saved / name).write_bytes((saved / name).read_bytes()[:40])

    with pytest.raises(DataError, match=rf"first/{name}: not"):
        Result.load(saved)


def test_a_folder_of_another_version_is_refused(saved):
    text = (saved / "run.json").read_text()
    (saved / "run.json").write_text(text.replace('"format": 1', '"format": 7'))

    with pytest.raises(DataError, match="layout 7 is that of a newer xtrade, and this one reads 1"):
        Result.load(saved)


def test_other_columns_are_refused(saved):
    frame = pl.read_parquet(saved / "fills.parquet")
    frame.rename({"maker": "passive"}).write_parquet(saved / "fills.parquet")

    with pytest.raises(
        DataError, match=r"columns are not those of this version of xtrade \(maker, passive\)"
    ):
        Result.load(saved)


def test_a_table_that_there_is_none_of_is_an_error(result):
    with pytest.raises(UsageError, match="no table 'fils'.*Did you mean 'fills'"):
        result.table("fils")


def test_without_pandas_the_error_says_so(result, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)

    with pytest.raises(UsageError, match="pandas is not installed"):
        result.to_pandas("fills")


def test_a_failed_strategy_is_known(result):
    assert result.run.failures == {
        "trend": "ZeroDivisionError: division by zero (trend.py, line 41, in on_bar)"
    }
    assert result.run.strategies["quoter"].params == {"half_spread_bps": 2, "size": "0.5", "skew": 0.1}


# -- for people -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1234.5, "USDT", "1\u202f234.50 USDT"),
        (-0.001, "USDT", "0.00 USDT"),
        (-2.5, "bps", "−2.50 bps"),
        (0.12345, "fraction", "12.35 %"),
        (12345, "count", "12\u202f345"),
        (3725, "seconds", "1 h 2 min"),
        (0.25, "seconds", "0.25 s"),
        (86_400 * 2.5, "seconds", "2 d 12 h"),
        (1_767_571_200e9, "ns", "2026-01-05 00:00:00"),
        (2.5, "times", "2.50 ×"),
    ],
)
def test_figures_are_written_for_people(value, unit, text):
    assert written(Metric(value=value, unit=unit)) == text


def test_a_figure_that_there_is_none_of_says_why():
    assert written(Metric(value=None, unit="number", why="nothing was traded")) == "– (nothing was traded)"


def test_a_sharpe_is_told_with_its_error():
    rows = dict(Result.of(sample_recording(hours=31)).summary())

    assert re.fullmatch(r"−?\d+\.\d\d ± \d+\.\d\d", rows["Sharpe"])


def test_a_notebook_gets_a_table_and_a_curve():
    recording = worked_recording()
    result = Result.of(recording, name="<script>alert(1)</script>")
    page = result._repr_html_()
    parsed = ET.fromstring(page)
    line = parsed.find(".//polyline").get("points").split()

    assert "<script>" not in page
    assert len(line) == 121
    assert len(parsed.findall(".//tr")) == len(result.summary())
    assert "1.90 USDT" in page


# -- fingerprints -----------------------------------------------------------------------------------------------------


def recording_of(source):
    empty = empty_recording()
    return Recording(
        instruments=empty.instruments,
        strategies={"mine": StrategyRun(source=str(source))},
        capital=empty.capital,
        samples=empty.samples,
        start_ns=empty.start_ns,
        end_ns=empty.end_ns,
    )


def test_a_changed_source_is_another_fingerprint(tmp_path):
    source = tmp_path / "mine.py"
    source.write_text("a = 1")
    first = fingerprint(recording_of(source))
    source.write_text("a = 2")
    second = fingerprint(recording_of(source))

    assert first.sources.keys() == second.sources.keys() == {"mine"}
    assert first.sources != second.sources
    assert (first.xtrade, first.commit) == (second.xtrade, "")


def test_what_was_typed_into_a_notebook_has_no_source(tmp_path):
    assert fingerprint(recording_of(tmp_path / "cell_7.py")).sources == {}


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(DataError, match="gone.csv: cannot be read for its fingerprint: No such file"):
        fingerprint_of_file(tmp_path / "gone.csv")


def test_the_commit_is_read_from_a_loose_and_a_packed_ref_and_a_worktree(tmp_path):
    source = tmp_path / "desk" / "mine.py"
    source.parent.mkdir()
    source.write_text("")
    git = tmp_path / ".git"
    (git / "refs/heads").mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    (git / "packed-refs").write_text("# pack-refs\n" + "b" * 40 + " refs/heads/main\n")

    assert fingerprint(recording_of(source)).commit == "b" * 40

    (git / "refs/heads/main").write_text("a" * 40 + "\n")
    assert fingerprint(recording_of(source)).commit == "a" * 40

    own = git / "worktrees/desk"
    own.mkdir(parents=True)
    (own / "HEAD").write_text("ref: refs/heads/idea\n")
    (own / "commondir").write_text("../..\n")
    (git / "refs/heads/idea").write_text("c" * 40 + "\n")
    (source.parent / ".git").write_text(f"gitdir: {own}\n")
    assert fingerprint(recording_of(source)).commit == "c" * 40

    (own / "HEAD").write_text("d" * 40 + "\n")
    assert fingerprint(recording_of(source)).commit == "d" * 40


def test_parts_of_data_are_told_apart_by_where_they_end():
    assert fingerprint_of_bytes([b"ab", b"c"]) != fingerprint_of_bytes([b"a", b"bc"])
    assert fingerprint_of_bytes([b"ab"]) == fingerprint_of_bytes([bytearray(b"ab")])


def test_metrics_and_figures_need_no_polars(monkeypatch):
    """
    A sweep measures thousands of runs; only the tables are frames.
    """
    real = builtins.__import__

    def refuse(name, *rest):
        assert not name.startswith("polars"), "polars was imported"
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)

    assert Result.of(sample_recording(hours=0.1)).metrics["fills"].value > 0
