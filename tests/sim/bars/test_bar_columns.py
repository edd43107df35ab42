"""Bars as columns: what makes sense is kept as it is, what does not is named by its row."""

from __future__ import annotations

import numpy as np
import pytest

from kit.markets import instrument
from xtrade.model.errors import DataError
from xtrade.sim.bars.columns import Bars

GOOD = {
    "start_ns": [0, 60, 180],
    "open_ticks": [100, 102, 101],
    "high_ticks": [103, 104, 101],
    "low_ticks": [99, 101, 100],
    "close_ticks": [102, 101, 100],
    "volume_lots": [5, 0, 7],
}


def bars(**changes: list[float]) -> Bars:
    return Bars.from_columns(instrument(), interval_ns=60, **{**GOOD, **changes})


def test_bars_may_have_gaps_and_empty_intervals():
    assert len(bars()) == 3
    assert bars().close_ticks.dtype == np.int64


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"start_ns": [0, 180, 60]}, "row 2: .* starts before the row above it: sort"),
        ({"start_ns": [0, 0, 60]}, "row 1: .* is there twice"),
        ({"start_ns": [0, 30, 90]}, "row 1: .* begins before the bar above it is over"),
        ({"high_ticks": [101, 104, 101]}, "row 0: .* has a high below its open or close"),
        ({"low_ticks": [99, 102, 100]}, "row 1: .* has a low above its open or close"),
        ({"low_ticks": [0, 101, 100]}, "row 0: .* not above zero"),
        ({"volume_lots": [5, -1, 7]}, "row 1: .* negative volume"),
        ({"volume_lots": [5, 1]}, "column volume_lots has .* where start_ns has 3"),
        ({"close_ticks": [1.5, 2.0, 3.0]}, "close_ticks holds float64: expected whole numbers"),
    ],
)
def test_what_makes_no_sense_is_named_by_its_row(changes, says):
    with pytest.raises(DataError, match=says):
        bars(**changes)
