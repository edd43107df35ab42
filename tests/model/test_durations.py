from contextlib import suppress

import pytest
from hypothesis import given, strategies as st

from xtrade.model.durations import duration_ns, duration_text
from xtrade.model.errors import NumberError

durations = st.one_of(
    st.integers(0, 2**63 - 1),
    st.builds(
        lambda count, unit: count * unit,
        st.integers(0, 10_000),
        st.sampled_from([10**3, 10**6, 10**9, 60 * 10**9, 3600 * 10**9, 86_400 * 10**9]),
    ),
)


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1ns", 1),
        ("3us", 3_000),
        ("3µs", 3_000),
        ("3μs", 3_000),
        ("250ms", 250_000_000),
        ("1s", 1_000_000_000),
        ("1m", 60_000_000_000),
        ("15 m", 900_000_000_000),
        (" 8h ", 28_800_000_000_000),
        ("1d", 86_400_000_000_000),
        ("2w", 1_209_600_000_000_000),
        ("1.5h", 5_400_000_000_000),
        ("0.000000001s", 1),
        ("0s", 0),
    ],
)
def test_a_duration_is_a_number_and_its_unit(text, ns):
    assert duration_ns(text) == ns


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is no duration"),
        ("5", "a number and a unit"),
        ("m", "is no duration"),
        ("-1m", "is no duration"),
        ("1m30s", "is no duration"),
        ("1e3s", "is no duration"),
        ("١m", "is no duration"),  # digits of another script
        ("1M", "a month has no fixed length"),
        ("1min", "min is no unit of time"),
        ("0.5ns", "whole number of nanoseconds"),
        ("300000w", "292 years"),
        ("9" * 1000 + "s", "is no duration"),
    ],
)
def test_nonsense_is_refused_in_one_line(text, says):
    with pytest.raises(NumberError, match=says) as refusal:
        duration_ns(text)

    assert len(str(refusal.value)) < 160


@given(durations)
def test_what_is_written_is_read_back(ns):
    assert duration_ns(duration_text(ns)) == ns


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0s"),
        (90_000_000_000, "90s"),
        (604_800_000_000_000, "7d"),
        (28_800_000_000_000, "8h"),
        (1_500, "1500ns"),
    ],
)
def test_a_duration_is_written_in_its_largest_whole_unit(ns, text):
    assert duration_text(ns) == text


def test_a_negative_duration_is_none():
    with pytest.raises(NumberError, match="zero or more"):
        duration_text(-1)


@given(st.text(max_size=20))
def test_any_text_is_a_duration_or_a_refusal(text):
    with suppress(NumberError):
        assert 0 <= duration_ns(text) < 2**63
