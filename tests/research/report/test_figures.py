"""Figures are written for people: no false digits, no lost signs, no zero that is not one."""

import math

import pytest
from hypothesis import given, strategies as st

from xtrade.research.report.figures import MINUS, THIN, amount, count, moment, money, percent, signed, span


def plain(text):
    return text.replace(THIN, " ")


@pytest.mark.parametrize(
    ("value", "currency", "text"),
    [
        (1_234_567.891, "USDT", "1 234 567.89 USDT"),
        (10_000.0, "USDT", "10 000 USDT"),
        (-12.3, "USDT", "−12.30 USDT"),
        (0.004321987, "USDT", "0.004322 USDT"),
        (0.00012345678, "BTC", "0.00012346 BTC"),
        (1.5, "BTC", "1.5 BTC"),
        (0.0, "USDT", "0 USDT"),
        (None, "USDT", "– USDT"),
        (math.nan, "BTC", "– BTC"),
    ],
)
def test_money(value, currency, text):
    assert plain(money(value, currency)) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.8213, "82.1 %"),
        (1.0, "100 %"),
        (0.99961, "99.96 %"),
        (0.001029, "0.103 %"),
        (0.0000912, "0.0091 %"),
        (None, "–"),
    ],
)
def test_shares(share, text):
    assert plain(percent(share)) == text


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0 s"),
        (850, "850 ns"),
        (2_150_000, "2.15 ms"),
        (59_999_999_999, "60 s"),
        (60_000_000_000, "1 min"),
        (3_599_999_999_999, "1 h"),
        (4_320_000_000_000, "1 h 12 min"),
        (86_400_000_000_000 * 30, "30 d"),
        (-90_000_000_000, "−1 min 30 s"),
        (None, "–"),
    ],
)
def test_spans(ns, text):
    assert plain(span(ns)) == text


@given(st.floats(-1e12, 1e12))
def test_the_sign_is_said_and_never_of_nothing(value):
    text = signed(value)

    assert text.startswith("+" if value > 0 else MINUS if value < 0 else "0") or text == "0"
    assert "-" not in text


@given(st.floats(1e-6, 1e12), st.integers(3, 8))
def test_what_is_written_is_near_what_was_meant(value, digits):
    read = float(amount(value, digits=digits).replace(THIN, ""))

    assert read == pytest.approx(value, rel=10.0 ** (1 - digits), abs=1e-10)


def test_counts_and_moments():
    assert plain(count(-1_234_567)) == "−1 234 567"
    assert moment(1_767_571_200_000_000_000) == "2026-01-05 00:00:00"
