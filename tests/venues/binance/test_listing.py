"""Binance's listing: what is a market of ours, on which grid, and what is left out."""

from decimal import Decimal

import msgspec
from hypothesis import given, strategies as st

from kit.binance import PERPETUAL, SPOT, SPOT_LISTING, USDM_LISTING, answer, asked, codec, payload
from xtrade.model.instruments import Kind, TradingStatus
from xtrade.venues.binance.listing import SpotListing, UsdmListing, read_spot, read_usdm
from xtrade.venues.markets import Markets


def listed(index, body):
    return codec(key=False).listings()[index].read(answer(body))


def with_row(listing, **changes):
    row = {**listing["symbols"][0], **changes}
    return {**listing, "symbols": [row]}


def test_it_asks_both_halves_without_a_key():
    asks = codec(key=False).listings()

    assert [asked(ask) for ask in asks] == [
        ("GET", "api.binance.com/api/v3/exchangeInfo", {"showPermissionSets": "false"}),
        ("GET", "fapi.binance.com/fapi/v1/exchangeInfo", {}),
        ("GET", "fapi.binance.com/fapi/v1/fundingInfo", {}),
    ]


def test_a_pair():
    [found] = listed(0, SPOT_LISTING)

    pair = found.instrument
    assert (pair.key, pair.native, pair.kind, found.section) == (SPOT, "BTCUSDT", Kind.SPOT, "spot")
    assert (pair.tick, pair.lot) == (Decimal("0.01"), Decimal("0.00001"))
    assert (pair.min_lots, pair.max_lots, pair.min_notional) == (1, 900_000_000, 5)


def test_a_perpetual_of_the_same_native_name():
    [found] = listed(1, USDM_LISTING)

    contract = found.instrument
    assert (contract.key, contract.native, contract.kind) == (PERPETUAL, "BTCUSDT", Kind.LINEAR)
    assert (contract.tick, contract.lot) == (Decimal("0.10"), Decimal("0.001"))
    assert (contract.max_lots, contract.max_market_lots) == (1_000_000, 120_000)
    assert (contract.min_notional, contract.expiry_ns, contract.settle) == (100, None, "USDT")


def test_a_quarterly_has_its_day():
    [found] = listed(
        1,
        with_row(
            USDM_LISTING,
            symbol="BTCUSDT_261225",
            contractType="CURRENT_QUARTER",
            deliveryDate=1_798_185_600_000,
        ),
    )

    assert found.instrument.symbol == "BTC/USDT:USDT-261225"
    assert found.instrument.expiry_ns == 1_798_185_600_000_000_000


def test_a_perpetual_that_leaves_the_list_keeps_its_name():
    [found] = listed(1, with_row(USDM_LISTING, deliveryDate=1_798_185_600_000, status="SETTLING"))

    assert found.instrument.symbol == "BTC/USDT:USDT"
    assert found.instrument.status is TradingStatus.HALTED


def test_thousands_stay_in_the_name():
    [found] = listed(1, with_row(USDM_LISTING, symbol="1000PEPEUSDT", baseAsset="1000PEPE"))

    assert found.instrument.symbol == "1000PEPE/USDT:USDT"


def test_statuses():
    def status(index, listing, **changes):
        return listed(index, with_row(listing, **changes))[0].instrument.status

    assert status(0, SPOT_LISTING, status="CANCEL_ONLY") is TradingStatus.CANCEL_ONLY
    assert status(0, SPOT_LISTING, status="BREAK") is TradingStatus.HALTED
    assert status(0, SPOT_LISTING, isSpotTradingAllowed=False) is TradingStatus.HALTED
    assert status(0, SPOT_LISTING, status="SOMETHING_NEW") is TradingStatus.HALTED
    assert status(1, USDM_LISTING, status="CLOSE") is TradingStatus.CLOSED


def test_a_market_step_of_zero_says_nothing():
    rules = [
        *SPOT_LISTING["symbols"][0]["filters"],
        {"filterType": "MARKET_LOT_SIZE", "minQty": "0", "maxQty": "120.5", "stepSize": "0"},
    ]

    [found] = listed(0, with_row(SPOT_LISTING, filters=rules))

    assert found.instrument.max_market_lots == 12_050_000


def test_a_row_without_rules_is_left_out_and_the_others_stay():
    odd = {**SPOT_LISTING["symbols"][0], "symbol": "ODD", "filters": []}
    same = {**SPOT_LISTING["symbols"][0], "symbol": "USDTUSDT", "baseAsset": "USDT"}
    body = {**SPOT_LISTING, "symbols": [odd, same, *SPOT_LISTING["symbols"]]}

    assert [found.instrument.native for found in listed(0, body)] == ["BTCUSDT"]


def test_names_of_any_script_are_markets():
    [found] = listed(0, with_row(SPOT_LISTING, symbol="币安人生USDT", baseAsset="币安人生"))

    assert found.instrument.symbol == "币安人生/USDT"


def test_the_recorded_listing_has_no_filters_and_so_no_market():
    assert listed(0, msgspec.json.decode(payload("spot/http_json/exchange_info_response.json"))) == []


def test_one_native_name_in_two_halves():
    markets = Markets()
    for index, listing in enumerate((SPOT_LISTING, USDM_LISTING)):
        markets.learn(listed(index, listing))

    assert markets.native("BTCUSDT", "spot").key == SPOT
    assert markets.native("BTCUSDT", "usdm").key == PERPETUAL


figures = st.one_of(
    st.sampled_from(["0", "0.01", "1", "-1", "NaN", "1e-30", "9" * 50, ""]), st.text(max_size=8)
)
filters = st.lists(
    st.fixed_dictionaries(
        {
            "filterType": st.sampled_from(
                ["PRICE_FILTER", "LOT_SIZE", "NOTIONAL", "MIN_NOTIONAL", "MARKET_LOT_SIZE"]
            )
        },
        optional=dict.fromkeys(
            ["tickSize", "stepSize", "minQty", "maxQty", "minNotional", "notional"], figures
        ),
    ),
    max_size=5,
)
names = st.one_of(st.sampled_from(["BTC", "USDT", "", "A/B", " ", "x"]), st.text(max_size=5))


@given(filters, names, names, st.integers(-(10**20), 10**20))
def test_no_row_takes_the_listing_with_it(rules, base, quote, day):
    pair = {"symbol": "X", "status": "TRADING", "baseAsset": base, "quoteAsset": quote, "filters": rules}
    contract = pair | {"marginAsset": quote, "contractType": "NEXT_QUARTER", "deliveryDate": day}

    assert len(read_spot(msgspec.convert({"symbols": [pair]}, SpotListing))) <= 1
    assert len(read_usdm(msgspec.convert({"symbols": [contract]}, UsdmListing))) <= 1
