"""The venues' data files say what they mean, and templates read what they write."""

import re
from datetime import date
from importlib.resources import files

import pytest
from hypothesis import given, strategies as st

from xtrade.model.errors import UsageError
from xtrade.symbols.assets import load
from xtrade.symbols.patterns import DAYS, VENUES, patterns_of

HOLES = {"base", "quote", *(day.name for day in DAYS)}


def test_every_venue_has_its_file_and_no_file_is_forgotten():
    found = {
        entry.name.removesuffix(".toml") for entry in (files("xtrade.symbols") / "data" / "venues").iterdir()
    }

    assert found == set(VENUES)


@pytest.mark.parametrize("venue", VENUES)
def test_a_venues_file_says_only_what_the_engine_understands(venue):
    patterns = patterns_of(venue)

    assert patterns.case in {"capitals", "exact"}
    assert set(patterns.units) <= {prefix.text for prefix in load().units.prefix}
    for form in patterns.market:
        holes = re.findall(r"\{(.*?)\}", form.template)
        assert "base" in holes
        assert set(holes) <= HOLES
        assert form.listed
        assert set(form.listed) <= set(load().quotes), "a quote that a venue lists is a known quote"
        assert form.quotes.count("*") == 0 or form.quotes[-1] == "*"
        assert form.kind != "inverse" or not form.other_quotes
    for refusal in patterns.refused:
        re.compile(refusal.like)


def test_no_two_entries_of_the_lists_are_the_same():
    assets = load()

    assert len(set(assets.quotes)) == len(assets.quotes)
    lengths = [len(prefix.text) for prefix in assets.units.prefix]
    assert lengths == sorted(lengths, reverse=True), "the longest prefix is tried first"


@given(st.dates(date(2000, 1, 1), date(2099, 12, 31)))
def test_a_day_is_read_as_written(day):
    by_name = {entry.name: entry for entry in DAYS}

    for name in ("yymmdd", "ddMonyy"):
        written = by_name[name].write(day)
        assert re.fullmatch(by_name[name].pattern, written)
        assert by_name[name].read(written) == day
    friday = by_name["month_code"].read(by_name["month_code"].write(day))
    assert (friday.year, friday.month, friday.weekday()) == (day.year, day.month, 4)
    assert (friday.toordinal() + 7, friday.month) != (day.toordinal(), day.month)


@pytest.mark.parametrize(("text", "day"), [("U26", date(2026, 9, 25)), ("Z25", date(2025, 12, 26))])
def test_a_month_letter_is_its_last_friday(text, day):
    assert {entry.name: entry for entry in DAYS}["month_code"].read(text) == day


def test_an_impossible_day_is_none():
    by_name = {entry.name: entry for entry in DAYS}

    assert by_name["yymmdd"].read("261332") is None
    assert by_name["ddMonyy"].read("31Feb26") is None


@pytest.mark.parametrize(
    ("venue", "says"),
    [
        ("binanse", "Did you mean 'binance'"),
        ("BINANCE", "Did you mean 'binance'"),
        ("ccxt:bybit", "give them as metadata"),
        ("../assets", "naming patterns cover binance, okx"),
    ],
)
def test_an_unknown_venue_is_told_what_is_known(venue, says):
    with pytest.raises(UsageError, match=says):
        patterns_of(venue)
