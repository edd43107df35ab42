"""ccxt and we read the same universal name from the same payload (needs `uv sync --group clients`)."""

import json
from pathlib import Path

import pytest

from xtrade.symbols import Symbol, SymbolMap
from xtrade.symbols.symbol import capitals

ccxt = pytest.importorskip("ccxt", reason="ccxt is not installed: uv sync --group clients")

FIXTURES = Path(__file__).resolve().parents[2].parent / "shared" / "fixtures"
FILTERS = {"price": {"tickSize": "0.01"}, "quantity": {"stepSize": "0.01", "minQuantity": "0.01"}}


def recorded(name):
    path = FIXTURES / name
    if not path.exists():
        pytest.skip(f"the recorded payload {name} is not here")
    return json.loads(path.read_text())


def same_reading(venue, row):
    """Let ccxt parse the row, and read by pattern the native name that it found."""
    client = getattr(ccxt, venue)()
    client.options |= {
        "crossMarginPairsData": [],
        "isolatedMarginPairsData": [],
    }  # what binance's loader fetches
    market = client.parse_market(row)
    theirs = Symbol.parse(market["symbol"])
    ours = SymbolMap(venue).universal(market["id"], kind=theirs.kind)

    # ccxt writes every currency in capitals; we keep the venue's letters, for kBONK is not KBONK there.
    assert capitals(str(ours.symbol)) == market["symbol"]
    assert SymbolMap(venue).native(ours.symbol).native == market["id"]
    assert (ours.kind == "linear") == bool(market["linear"])
    assert (ours.kind == "inverse") == bool(market["inverse"])
    assert ours.symbol.dated == bool(market.get("future"))


@pytest.mark.parametrize("kind", ["spot", "margin", "swap", "futures"])
def test_the_recorded_listings_of_okx(kind):
    rows = recorded(f"okx/http_get_instruments_{kind}.json")["data"]

    assert rows
    for row in rows:
        same_reading("okx", row)


def test_the_recorded_listing_of_binance():
    rows = recorded("binance/spot/http_json/exchange_info_response.json")["symbols"]

    assert rows
    for row in rows:
        same_reading("binance", row)


PERPETUAL, QUARTER = 4133404800000, 1798185600000  # the end of no contract, and 2026-12-25 08:00 UTC


@pytest.mark.parametrize(
    ("native", "base", "quote", "margin", "ends"),
    [
        ("BTCUSDT", "BTC", "USDT", "USDT", PERPETUAL),
        ("BTCUSDC", "BTC", "USDC", "USDC", PERPETUAL),
        ("ETHBTC", "ETH", "BTC", "BTC", PERPETUAL),
        ("1000PEPEUSDT", "1000PEPE", "USDT", "USDT", PERPETUAL),
        ("1MBABYDOGEUSDT", "1MBABYDOGE", "USDT", "USDT", PERPETUAL),
        ("1INCHUSDT", "1INCH", "USDT", "USDT", PERPETUAL),
        ("BTCUSDT_261225", "BTC", "USDT", "USDT", QUARTER),
        ("BTCUSD_PERP", "BTC", "USD", "BTC", PERPETUAL),
        ("BTCUSD_261225", "BTC", "USD", "BTC", QUARTER),
    ],
)
def test_contracts_of_binance(native, base, quote, margin, ends):
    row = {
        "symbol": native,
        "baseAsset": base,
        "quoteAsset": quote,
        "marginAsset": margin,
        "status": "TRADING",
    }
    row |= {"contractType": "PERPETUAL" if ends == PERPETUAL else "CURRENT_QUARTER", "deliveryDate": ends}
    row |= {"pair": base + quote, "filters": [], "contractSize": 1}

    same_reading("binance", row)


@pytest.mark.parametrize(
    ("native", "base", "quote", "kind"),
    [
        ("SOL_USDC", "SOL", "USDC", "SPOT"),
        ("SOL_USDC_PERP", "SOL", "USDC", "PERP"),
        ("kBONK_USDC_PERP", "kBONK", "USDC", "PERP"),
        ("MU.US_USDC", "MU.US", "USDC", "SPOT"),
    ],
)
def test_markets_of_backpack(native, base, quote, kind):
    row = {"symbol": native, "baseSymbol": base, "quoteSymbol": quote, "marketType": kind, "filters": FILTERS}

    same_reading("backpack", row | {"orderBookState": "Open", "createdAt": "2025-01-21T06:34:54.691858"})


@pytest.mark.parametrize("base", ["BTC", "KPEPE", "KAVA"])
def test_perpetuals_of_grvt(base):
    row = {"instrument": f"{base}_USDT_Perp", "base": base, "quote": "USDT", "kind": "PERPETUAL"}

    same_reading(
        "grvt", row | {"base_decimals": 9, "quote_decimals": 6, "tick_size": "0.1", "min_size": "0.001"}
    )


@pytest.mark.parametrize("native", ["BTCUSDT", "1000PEPEUSDT", "BTCUSD1"])
def test_perpetuals_of_aster(native):
    quote = "USD1" if native.endswith("USD1") else "USDT"
    row = {
        "symbol": native,
        "baseAsset": native.removesuffix(quote),
        "quoteAsset": quote,
        "marginAsset": quote,
    }

    same_reading("aster", row | {"contractType": "PERPETUAL", "status": "TRADING", "filters": []})


@pytest.mark.parametrize("base", ["ETH", "kPEPE"])
def test_perpetuals_of_paradex(base):
    row = {"symbol": f"{base}-USD-PERP", "asset_kind": "PERP", "base_currency": base, "quote_currency": "USD"}

    same_reading("paradex", row | {"settlement_currency": "USDC", "price_tick_size": "0.01", "open_at": 0})
