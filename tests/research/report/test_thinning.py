"""Fewer points show the same picture: no extreme is lost, nothing is made up."""

import numpy as np
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as arrays

from xtrade.research.report.thinning import kept_rows

values = st.floats(-1e9, 1e9) | st.just(float("nan"))
columns = st.integers(1, 400).flatmap(
    lambda count: st.lists(arrays.arrays(np.float64, count, elements=values), min_size=1, max_size=3)
)


@given(columns, st.integers(10, 300))
def test_the_ends_and_the_extremes_of_every_column_are_kept(drawn, rows_max):
    kept = kept_rows(drawn, rows_max)

    assert len(kept) <= max(rows_max, 2 + 2 * len(drawn))
    assert (np.diff(kept) > 0).all()
    assert kept[0] == 0
    assert kept[-1] == len(drawn[0]) - 1
    for column in drawn:
        known = column[np.isfinite(column)]
        if len(known):
            assert np.nanmin(column[kept]) == known.min()
            assert np.nanmax(column[kept]) == known.max()


@given(columns)
def test_what_fits_is_not_thinned(drawn):
    assert kept_rows(drawn, len(drawn[0])).tolist() == list(range(len(drawn[0])))


def test_every_stretch_keeps_its_own_peak():
    spikes = np.zeros(100_000)
    spikes[::1000] = np.arange(100) + 1

    kept = spikes[kept_rows((spikes,), 4_000)]

    assert sorted(kept[kept > 0]) == list(range(1, 101))
