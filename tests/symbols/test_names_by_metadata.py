"""With a venue's own metadata the answer is certain, and what is not listed is not a market."""

import pytest
from hypothesis import given, strategies as st

from xtrade.model.errors import DataError, SymbolError
from xtrade.symbols import MarketRow, Symbol, SymbolMap

BINANCE = [
    MarketRow(native="BTCUSDT", symbol="BTC/USDT"),
    MarketRow(native="BTCUSDT", symbol="BTC/USDT:USDT"),
    MarketRow(native="1000PEPEUSDT", symbol="1000PEPE/USDT:USDT"),
]
LIGHTER = [
    MarketRow(native="0", name="ETH", symbol="ETH/USDC:USDC"),
    MarketRow(native="7", name="1000PEPE", symbol="1000PEPE/USDC:USDC", asset="PEPE", ratio=1000),
]


def test_a_listed_name_is_certain():
    found = SymbolMap("binance", BINANCE).universal("BTCUSDT", kind="linear")

    assert (str(found.symbol), found.confidence) == ("BTC/USDT:USDT", 1.0)
    assert found.reasons == ("binance's metadata lists it",)


def test_a_number_is_known_by_the_metadata_and_so_is_its_name():
    names = SymbolMap("lighter", LIGHTER)

    assert str(names.universal("0").symbol) == "ETH/USDC:USDC"
    assert str(names.universal("ETH").symbol) == "ETH/USDC:USDC"
    assert names.native("ETH/USDC:USDC").native == "0"


def test_the_unit_is_the_metadatas_or_else_the_names():
    stated = SymbolMap("lighter", LIGHTER).universal("7")
    read = SymbolMap("binance", BINANCE).universal("1000PEPEUSDT")

    assert (stated.asset, stated.ratio, stated.reasons[-1]) == (
        "PEPE",
        1000,
        "one unit is 1000 PEPE: its metadata says so",
    )
    assert (read.asset, read.ratio, read.reasons[-1]) == (
        "PEPE",
        1000,
        "one unit is 1000 PEPE: its name says so",
    )


def test_what_the_metadata_says_of_a_unit_outweighs_the_name():
    rows = [MarketRow(native="9", symbol="1000CATX/USDC:USDC", asset="CATX", ratio=10)]
    found = SymbolMap("lighter", rows).universal("9")

    assert (found.asset, found.ratio) == ("CATX", 10)


def test_one_name_of_two_listed_markets_is_still_two_markets():
    names = SymbolMap("binance", BINANCE)

    with pytest.raises(SymbolError, match="name the kind") as refused:
        names.universal("BTCUSDT")

    assert refused.value.candidates == ("BTC/USDT", "BTC/USDT:USDT")


@pytest.mark.parametrize(
    ("native", "kind", "says"),
    [
        ("ETHUSDT", None, "is not a market of binance: its metadata lists 3 markets and not this one"),
        ("1000PEPEUSD", None, "Did you mean '1000PEPEUSDT'"),
        ("1000PEPEUSDT", "spot", r"listed by binance as 1000PEPE/USDT:USDT \(linear\), not as spot"),
    ],
)
def test_an_unlisted_name_is_not_guessed(native, kind, says):
    with pytest.raises(SymbolError, match=says):
        SymbolMap("binance", BINANCE).universal(native, kind=kind)


@pytest.mark.parametrize(
    ("symbol", "says"),
    [
        ("ETH/USDT", "ETH/USDT is not a market of binance: its metadata lists 3 markets"),
        ("PEPE/USDT:USDT", "Did you mean '1000PEPE/USDT:USDT'"),
    ],
)
def test_an_unlisted_market_is_not_written(symbol, says):
    with pytest.raises(SymbolError, match=says):
        SymbolMap("binance", BINANCE).native(symbol)


def test_small_letters_find_what_is_listed_in_capitals_and_else_case_counts():
    paradex = SymbolMap("paradex", [MarketRow(native="kBONK-USD-PERP", symbol="kBONK/USD:USDC")])

    assert str(SymbolMap("binance", BINANCE).universal("btcusdt", kind="spot").symbol) == "BTC/USDT"
    for typed in ("kbonk-usd-perp", "KBONK-USD-PERP"):
        with pytest.raises(SymbolError, match="Did you mean 'kBONK-USD-PERP'"):
            paradex.universal(typed)


def test_any_venue_is_known_by_its_metadata():
    names = SymbolMap("ccxt:bybit", [MarketRow(native="BTCPERP", symbol="BTC/USDC:USDC")])

    assert str(names.universal("BTCPERP").symbol) == "BTC/USDC:USDC"


def test_a_market_listed_twice_is_one_market_and_one_under_two_names_is_asked_back():
    twice = SymbolMap("okx", [MarketRow(native="BTC-USDT", symbol="BTC/USDT")] * 2)
    renamed = SymbolMap(
        "bitmart",
        [MarketRow(native="A_USDT", symbol="A/USDT"), MarketRow(native="AOLD_USDT", symbol="A/USDT")],
    )

    assert twice.native("BTC/USDT").native == "BTC-USDT"
    with pytest.raises(SymbolError, match="several names: A_USDT, AOLD_USDT") as refused:
        renamed.native("A/USDT")
    assert refused.value.candidates == ("A_USDT", "AOLD_USDT")


def test_one_name_of_two_markets_of_a_kind_is_a_mistake_in_the_metadata():
    twice = [MarketRow(native="0", symbol="ETH/USDC:USDC"), MarketRow(native="0", symbol="BTC/USDC:USDC")]

    with pytest.raises(DataError, match=r"rows 1 and 2 both are '0' \(linear\): one name, one market"):
        SymbolMap("lighter", twice)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (MarketRow(native="", symbol="BTC/USDT"), "native must not be empty"),
        (MarketRow(native="X", symbol="BTC"), r"row 1 \('X'\): symbol 'BTC'"),
        (MarketRow(native="X", symbol="X/USDT", ratio=1000), "asset and ratio come together"),
        (MarketRow(native="X", symbol="X/USDT", asset="X", ratio=0), "expected a whole number from 1"),
    ],
)
def test_a_row_that_says_nothing_clear_is_refused_with_its_place(row, says):
    with pytest.raises(DataError, match=says):
        SymbolMap("binance", [row])


@given(st.text(max_size=40))
def test_no_text_does_worse_than_a_symbol_error(text):
    names = SymbolMap("binance", BINANCE)

    for ask in (names.candidates, names.native):
        try:
            ask(text)
        except SymbolError as error:
            refusal = str(error)
            assert refusal.isprintable()


def test_metadata_and_patterns_agree_where_both_know():
    certain, likely = SymbolMap("binance", BINANCE), SymbolMap("binance")
    for row in BINANCE:
        symbol = Symbol.parse(row.symbol)
        assert certain.native(symbol).native == likely.native(symbol).native
        assert certain.native(symbol).confidence == 1.0 > likely.native(symbol).confidence
