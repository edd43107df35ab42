"""What a run leaves behind refuses what makes no sense, and the made-up run of the kit is a plausible one."""

from collections import Counter

import numpy as np
import pytest

from kit.recordings import PERP, empty_recording, sample_recording
from xtrade.model.errors import DataError
from xtrade.research.recording import TABLES, Samples


def test_samples_that_do_not_ascend_are_refused():
    price = np.array([1.0, 2.0, 3.0])

    with pytest.raises(DataError, match="sample 2 is not later than the one before it"):
        Samples(np.array([1, 2, 2]), {"a": price}, {"a": price})


def test_samples_with_a_price_of_nothing_are_refused():
    with pytest.raises(DataError, match="the asks of a have a price that is not above zero"):
        Samples(np.array([1, 2]), {"a": np.array([1.0, 1.0])}, {"a": np.array([1.0, 0.0])})


def test_a_column_of_another_length_is_refused():
    with pytest.raises(DataError, match="1 bids of a at 2 times"):
        Samples(np.array([1, 2]), {"a": np.array([1.0])}, {"a": np.array([1.0])})


def test_a_mid_needs_both_sides():
    samples = Samples(np.array([1, 2]), {"a": np.array([1.0, np.nan])}, {"a": np.array([3.0, 3.0])})

    assert np.array_equal(samples.mid("a"), [2.0, np.nan], equal_nan=True)
    assert np.isnan(samples.mid("b")).all()


def test_an_unknown_version_of_an_instrument_is_an_error():
    assert empty_recording().instrument(PERP.key, 1) == PERP
    with pytest.raises(DataError, match="does not know version 2 of okx:BTC/USDT:USDT"):
        empty_recording().instrument(PERP.key, 2)


def test_no_table_has_a_column_twice():
    for name, columns in TABLES.items():
        assert Counter(column.name for column in columns).most_common(1)[0][1] == 1, name


def test_the_made_up_run_fills_what_its_orders_say():
    recording = sample_recording(seed=3)
    traded = Counter()
    for row in recording.fills:
        traded[row.client_order_id] += row.fill.lots

    assert len(recording.orders) > 300
    assert len(recording.fills) > 100
    assert {row.status for row in recording.orders} == {"filled", "canceled", "rejected", "refused"}
    assert dict(traded) == {
        row.client_order_id: row.executed_lots for row in recording.orders if row.executed_lots
    }


def test_the_made_up_run_is_the_same_for_the_same_seed():
    assert sample_recording(seed=5).fills == sample_recording(seed=5).fills
    assert sample_recording(seed=5).fills != sample_recording(seed=6).fills
