"""A universal name is a value: it reads what it writes, takes what people type, and refuses the rest by name."""

import string
from datetime import date

import msgspec
import pytest
from hypothesis import given, strategies as st

from xtrade.model.errors import SymbolError
from xtrade.symbols import Symbol

codes = st.text(string.ascii_letters + string.digits + ".$", min_size=1, max_size=12).filter(
    lambda code: (
        any(letter.isalnum() for letter in code)
        and any(letter.isupper() for letter in code)
        and code != "XBT"
    )
)
days = st.dates(date(2000, 1, 1), date(2099, 12, 31))


@given(codes, codes, st.none() | codes, st.none() | days)
def test_what_is_written_is_read_back(base, quote, settle, expiry):
    if base == quote or (settle is None and expiry is not None):
        return
    symbol = Symbol(base, quote, settle, expiry)

    assert Symbol.parse(str(symbol)) == symbol


@given(st.text() | st.text("BTCUSDbtc/:-_ 0123456789.XP", max_size=40))
def test_no_text_does_worse_than_a_symbol_error_of_one_line(text):
    symbol, refusal = None, ""
    try:
        symbol = Symbol.parse(text)
    except SymbolError as error:
        refusal = str(error)

    assert bool(symbol) != bool(refusal)
    assert refusal.isprintable()
    assert symbol is None or Symbol.parse(str(symbol)) == symbol


@pytest.mark.parametrize(
    ("text", "kind", "dated"),
    [
        ("BTC/USDT", "spot", False),
        ("BTC/USDT:USDT", "linear", False),
        ("ETH/USD:USDC", "linear", False),
        ("BTC/USD:BTC", "inverse", False),
        ("BTC/USDT:USDT-261225", "linear", True),
        ("BTC/USD:BTC-260925", "inverse", True),
    ],
)
def test_the_settle_currency_tells_the_kind(text, kind, dated):
    symbol = Symbol.parse(text)

    assert (symbol.kind, symbol.dated, str(symbol)) == (kind, dated, text)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("btc/usdt", "BTC/USDT"),
        (" BTC-USDT ", "BTC/USDT"),
        ("btc_usdt", "BTC/USDT"),
        ("btc/usdt:usdt-261225", "BTC/USDT:USDT-261225"),
        ("XBT/USD:XBT", "BTC/USD:BTC"),
        ("kBONK/USDC:USDC", "kBONK/USDC:USDC"),
        ("MU.US/USDC", "MU.US/USDC"),
        ("币安人生/usdt", "币安人生/USDT"),
    ],
)
def test_what_people_type_is_understood_where_it_means_one_thing(typed, meant):
    assert str(Symbol.parse(typed)) == meant


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "an empty symbol"),
        ("BTC", "no slash"),
        ("BTCUSDT", "Did you mean 'BTC/USDT'"),
        ("BTC-USDT-SWAP", "Did you mean 'BTC/USDT:USDT'"),
        ("/USDT", "nothing before the slash"),
        ("BTC/", "no quote after the slash"),
        ("BTC/:USDT", "no quote after the slash"),
        ("BTC/USDT:", "nothing after the colon"),
        ("BTC /USDT", r"character 4 \(' '\)"),
        ("BTC/USDT/EUR", "write BASE/QUOTE"),
        ("BTC/USDT:USDT-26", "a day as YYMMDD"),
        ("BTC/USDT:USDT-261332", "261332 is not a day of the calendar"),
        ("BTC/USDT:USDT-２61225", "a day as YYMMDD"),
        ("BTC/USD:BTC-241227-92000-C", "is an option"),
        ("USDT/USDT", "base and quote are the same"),
        ("../$$", "cannot be a symbol's base"),
        ("A" * 33 + "/USDT", "longer than 32"),
        ("A" * 9999, "too long"),
        ("BTC/US\x1b[31mDT", r"character 7 \('\\x1b'\)"),
    ],
)
def test_a_text_that_is_no_symbol_is_refused_with_the_place(text, says):
    with pytest.raises(SymbolError, match=says) as refused:
        Symbol.parse(text)

    assert len(str(refused.value)) < 250


def test_a_dated_contract_says_what_it_settles_in_and_its_year_has_two_digits():
    with pytest.raises(SymbolError, match="needs what it settles in"):
        Symbol("BTC", "USDT", None, date(2026, 12, 25))
    with pytest.raises(SymbolError, match="1999"):
        Symbol("BTC", "USDT", "USDT", date(1999, 12, 25))


def test_a_symbol_is_a_frozen_value_and_travels_as_json():
    symbol = Symbol.parse("BTC/USD:BTC-260925")

    assert msgspec.json.decode(msgspec.json.encode(symbol), type=Symbol) == symbol
    assert {symbol: 1}[Symbol.parse("BTC/USD:BTC-260925")] == 1
    with pytest.raises(AttributeError):
        symbol.base = "ETH"
