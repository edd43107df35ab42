"""The figures of docs/metrics.md are those that are measured, and no figure is ever a wild number."""

import math
import re
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, strategies as st

from kit.recordings import empty_recording, sample_recording, worked_recording
from xtrade.model.money import Money
from xtrade.research.accounting import account
from xtrade.research.metrics import METRICS, measured
from xtrade.research.recording import TABLES, Samples
from xtrade.research.tables import tables

PAGE = (Path(__file__).parents[2] / "docs/metrics.md").read_text()
ROWS = {
    row[0]: row[1:] for row in re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \| (.*?) \|$", PAGE, re.MULTILINE)
}
IN_UNITS = {"fraction": 100, "ns": 1e-9}
"""People write fractions in percent; the page writes times as seconds of its example."""


def figures(recording):
    accounts = account(recording)
    return measured(recording, accounts, tables(recording, accounts))


WORKED = figures(worked_recording())


@pytest.mark.parametrize("name", METRICS)
def test_a_figure_of_the_page_is_the_figure_measured(name):
    title, means, example = ROWS[name]
    shown = re.match(r"\*\*(\S+)( \S+)?\*\*", example)
    metric = WORKED[name]

    assert (title, means) == (METRICS[name].title, METRICS[name].means)
    if shown[1] == "none":
        assert metric.value is None
        assert metric.why.startswith("the run is 2 min long")
    else:
        text = shown[1].replace("−", "-")
        digits = len(text.partition(".")[2])
        assert round(metric.value * IN_UNITS.get(metric.unit, 1), digits) == float(text)


def test_the_tables_of_the_page_are_those_of_the_folder():
    described = re.findall(r"`(\w+)\.parquet`\n\n.*\n.*\n((?:\|.*\n)+)", PAGE)
    columns = {
        name: re.findall(r"^\| `(\w+)` \| (\w+) \| (.*) \|$", rows, re.MULTILINE) for name, rows in described
    }

    assert columns == {name: [tuple(column) for column in table] for name, table in TABLES.items()}


def test_every_figure_is_finite_or_says_why_not():
    for recording in (sample_recording(), sample_recording(failing=True, hours=0.2), empty_recording()):
        for name, metric in figures(recording).items():
            if metric.value is None:
                assert metric.why, name
            else:
                assert math.isfinite(metric.value), name


def test_nothing_traded_has_no_ratios_and_no_numbers_that_look_like_some():
    found = figures(empty_recording())

    assert {
        name: found[name].value for name in ("net_profit", "fills", "exposure", "turnover", "max_drawdown")
    } == {
        "net_profit": 0,
        "fills": 0,
        "exposure": 0,
        "turnover": 0,
        "max_drawdown": 0,
    }
    assert {found[name].why for name in ("net_bps", "markout_1s_bps", "orders_per_fill")} == {
        "nothing was traded"
    }
    assert found["hit_rate"].why == found["profit_factor"].why == "no round trip ended"
    assert found["fill_ratio"].why == "no order was sent"
    assert found["max_drawdown_low_ns"].why == "equity never fell"


def test_ratios_say_what_they_are_taken_from():
    found = figures(sample_recording(hours=31))

    assert found["sharpe"].why == "from 31 returns, one each hour"
    assert found["sharpe"].value * found["sharpe_error"].value != 0


@given(st.integers(0, 40))
def test_parts_make_up_the_net_profit_of_a_whole_run(seed):
    found = {name: metric.value for name, metric in figures(sample_recording(seed, hours=0.2)).items()}

    assert found["net_profit"] == pytest.approx(
        found["spread"] + found["inventory"] - found["fees"] + found["funding"], abs=1e-8
    )
    assert found["return"] == pytest.approx(found["net_profit"] / 10_000)
    assert 0 <= found["maker_share"] <= 1
    assert 0 < found["fill_ratio"] <= 1
    assert 0 < found["exposure"] <= 1
    assert 0 <= found["max_drawdown"] < 1
    assert found["max_drawdown_s"] <= found["longest_drawdown_s"]
    assert found["gross_mean"] <= found["gross_max"]


def changed(recording, **fields):
    return figures(replace(recording, **fields))


def test_fills_that_are_not_fully_known_are_counted():
    worked = worked_recording()
    nan = np.full(121, np.nan)
    (key,) = worked.instruments
    silent = [
        msgspec.structs.replace(
            row, mid_at_fill=None, fill=msgspec.structs.replace(row.fill, fee=None, maker=None)
        )
        for row in worked.fills
    ]
    found = changed(worked, fills=silent, samples=Samples(worked.samples.times_ns, {key: nan}, {key: nan}))

    assert found["spread"].why == "5 of 5 fills met a mid that nobody knows, and count as made at it"
    assert found["fees"].why == "5 of 5 fills never told their fee"
    assert found["maker_share"].why == "no fill is known as maker or taker"
    assert found["markout_1s_bps"].why == "no sample tells what became of a fill 1 s later"
    assert found["net_profit"].why == ""


def test_what_is_held_without_a_price_is_said():
    worked = worked_recording()
    nan = np.full(121, np.nan)
    (key,) = worked.instruments
    found = changed(
        worked, fills=worked.fills[:1], samples=Samples(worked.samples.times_ns, {key: nan}, {key: nan})
    )

    assert found["net_profit"].why == "okx:ABC/USDT:USDT has no price: what is held of it counts at its cost"


def test_a_capital_that_is_lost_is_said_with_the_time():
    found = changed(worked_recording(), capital=Money.of("0.1", "USDT"), fills=worked_recording().fills[3:])

    assert found["return"].value < -1
    assert found["net_profit"].why.startswith("the whole capital was lost by 1970-01-01 00:01:10")
    assert found["max_drawdown"].value > 1


def test_ticks_are_told_where_they_mean_one_thing():
    assert figures(sample_recording())["net_ticks"].why == "ticks of several instruments do not add up"
    assert figures(empty_recording())["net_ticks"].why == "nothing was traded"
