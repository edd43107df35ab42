"""Fewer points, the same picture: which rows of long columns are worth drawing.

A chart is some thousand pixels wide, a run may have a hundred thousand samples. Rows are cut into stretches of equal
count, and of each stretch the first, the last, the lowest and the highest of every column are kept: no peak, trough or
gap that one could see at full width is lost, and nothing is averaged. The same call thins columns together, because
lines of one chart share their times.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["kept_rows"]


def kept_rows(columns: Sequence[NDArray[Any]], rows_max: int) -> NDArray[np.int64]:
    """Return the rows to draw, in order: all of them if there are at most `rows_max`, otherwise at most that many."""
    count = len(columns[0])
    if count <= rows_max:
        return np.arange(count, dtype=np.int64)
    stretches = max(1, rows_max // (2 + 2 * len(columns)))
    starts = np.linspace(0, count, stretches, endpoint=False).astype(np.int64)
    ends = np.append(starts[1:], count)
    kept = [starts, ends - 1]
    width = int((ends - starts).max())
    # Every stretch as one row of a table of equal width; the places past a stretch's end repeat its last row.
    places = np.minimum(starts[:, None] + np.arange(width), ends[:, None] - 1)
    for column in columns:
        values = np.asarray(column, dtype=np.float64)[places]
        kept.append(starts + np.argmin(np.where(np.isnan(values), np.inf, values), axis=1))
        kept.append(starts + np.argmax(np.where(np.isnan(values), -np.inf, values), axis=1))
    # The place of a repeated last row is past the end of its stretch.
    return np.unique(np.minimum(np.concatenate(kept), count - 1))
