"""1000BONK is a thousand BONK, and 1INCH is 1INCH."""

import string

import pytest
from hypothesis import given, strategies as st

from xtrade.symbols import unit_of
from xtrade.symbols.assets import load
from xtrade.symbols.units import respelled


@pytest.mark.parametrize(
    ("base", "asset", "ratio"),
    [
        ("1000BONK", "BONK", 1_000),
        ("kBONK", "BONK", 1_000),
        ("KBONK", "BONK", 1_000),
        ("10000CAT", "CAT", 10_000),
        ("1000SATS", "SATS", 1_000),
        ("10000SATS", "SATS", 10_000),
        ("1MBABYDOGE", "BABYDOGE", 1_000_000),
        ("1000000MOG", "MOG", 1_000_000),
        ("mSATS", "SATS", 1_000_000),
        ("1000NEWMEME", "NEWMEME", 1_000),
        ("kNEWMEME", "NEWMEME", 1_000),
        ("1000X", "X", 1_000),
    ],
)
def test_a_unit_is_read_from_the_front_of_a_name(base, asset, ratio):
    assert unit_of(base)[:2] == (asset, ratio)


@pytest.mark.parametrize(
    "base",
    [
        *(
            "BTC",
            "1INCH",
            "0G",
            "2Z",
            "42",
            "100",
            "100X",
            "1000",
            "10000",
            "1000000",
            "10001INCH",
            "1MIL",
            "1MT",
            "1M",
        ),
        *(
            "KAVA",
            "KSM",
            "KNC",
            "KAS",
            "KAITO",
            "KMNO",
            "kBTC",
            "kava",
            "k",
            "k1",
            "mETH",
            "MOG",
            "MUMU",
            "SHIB1000",
        ),
        *("币安人生", "1000币"[:4], ""),
    ],
)
def test_a_name_that_only_begins_like_a_unit_is_whole(base):
    assert unit_of(base)[:2] == (base, 1)


@given(st.sampled_from(load().units.prefix), st.sampled_from(sorted(load().units.assets)))
def test_every_prefix_is_read_before_every_cheap_asset(prefix, asset):
    assert unit_of(prefix.text + asset) == (asset, prefix.ratio, prefix.text)


@given(st.text(string.ascii_letters + string.digits, max_size=10))
def test_a_unit_never_loses_a_letter(base):
    unit = unit_of(base)

    assert unit.prefix + unit.asset == base
    assert (unit.ratio == 1) == (unit.prefix == "")


def test_a_unit_is_respelled_as_a_venue_spells_it():
    assert respelled("1000BONK", ("k", "m")) == "kBONK"
    assert respelled("kBONK", ("1000", "1M")) == "1000BONK"
    assert respelled("kBONK", ("k",)) == "kBONK"
    assert respelled("1MBABYDOGE", ("1000",)) == "1MBABYDOGE"
    assert respelled("KAVA", ("k",)) == "KAVA"
