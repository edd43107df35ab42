"""What real venues answered is named rightly: the oracle is the venue's own fields, never its text."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from xtrade.model.errors import SymbolError
from xtrade.symbols import MarketRow, Symbol, SymbolMap

FIXTURES = Path(__file__).resolve().parents[2].parent / "shared" / "fixtures"


def recorded(name):
    path = FIXTURES / name
    if not path.exists():
        pytest.skip(f"the recorded payload {name} is not here")
    return json.loads(path.read_text())


def okx_symbol(row):
    if row["instType"] in {"SPOT", "MARGIN"}:
        base, quote = (row["baseCcy"], row["quoteCcy"])
        return Symbol(base, quote)
    base, quote = row["uly"].split("-")
    ends = datetime.fromtimestamp(int(row["expTime"]) / 1000, UTC).date() if row["expTime"] else None
    return Symbol(base, quote, row["settleCcy"], ends)


def agree(venue, native, symbol):
    """Hold both sources against the venue's own fields."""
    for names in (SymbolMap(venue), SymbolMap(venue, [MarketRow(native=native, symbol=str(symbol))])):
        assert names.universal(native, kind=symbol.kind).symbol == symbol
        assert names.native(symbol).native == native
        assert names.check(native, symbol).same


@pytest.mark.parametrize(
    "name",
    [
        *(f"okx/http_get_instruments_{kind}.json" for kind in ("spot", "margin", "swap", "futures")),
        "okx/ws_instruments.json",
    ],
)
def test_okx(name):
    rows = recorded(name)["data"]

    assert rows
    for row in rows:
        agree("okx", row["instId"], okx_symbol(row))


def test_okx_options_are_refused_as_options():
    for row in recorded("okx/http_get_instruments_option.json")["data"]:
        with pytest.raises(SymbolError, match="it is an option"):
            SymbolMap("okx").universal(row["instId"])


def test_binance_spot():
    rows = recorded("binance/spot/http_json/exchange_info_response.json")["symbols"]

    assert rows
    for row in rows:
        agree("binance", row["symbol"], Symbol(row["baseAsset"], row["quoteAsset"]))
        assert str(SymbolMap("binance").universal(row["symbol"]).symbol) == "ETH/BTC"


@pytest.mark.parametrize("name", ["lighter/http_order_books.json", "lighter/http_order_book_details.json"])
def test_lighter(name):
    payload = recorded(name)
    rows = payload.get("order_books") or payload["order_book_details"]

    assert rows
    for row in rows:
        assert row["market_type"] == "perp"
        symbol = Symbol(row["symbol"], "USDC", "USDC")
        agree("lighter", row["symbol"], symbol)
        numbered = MarketRow(native=str(row["market_id"]), name=row["symbol"], symbol=str(symbol))
        assert SymbolMap("lighter", [numbered]).universal(str(row["market_id"])).symbol == symbol


@pytest.mark.parametrize(
    "name",
    [
        "derive/perps/http_get_instruments_eth.json",
        "derive/perps/instrument_eth.json",
        "derive/spot/http_get_instruments_eth.json",
        "derive/spot/instrument_eth.json",
        "derive/spot/instrument_eth_mainnet.json",
        "derive/common/http_get_instruments_eth_all.json",
        "derive/options/instrument_eth.json",
    ],
)
def test_derive(name):
    rows = list(instruments(recorded(name)))

    assert rows
    for row in rows:
        if row["instrument_type"] == "option":
            with pytest.raises(SymbolError, match="it is an option"):
                SymbolMap("derive").universal(row["instrument_name"])
        else:
            settle = row["quote_currency"] if row["instrument_type"] == "perp" else None
            agree(
                "derive", row["instrument_name"], Symbol(row["base_currency"], row["quote_currency"], settle)
            )


def instruments(node):
    """Find the rows that list an instrument, wherever the answer keeps them."""
    if isinstance(node, dict):
        if {"instrument_name", "instrument_type", "base_currency"} <= node.keys():
            yield node
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from instruments(child)
