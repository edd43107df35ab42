"""The listing: what is a market, on which grid, and what a contract is worth."""

from decimal import Decimal

import pytest

from kit.okx import INSTRUMENTS, SPOT, SWAP, answer, made
from xtrade.model.instruments import Kind, TradingStatus
from xtrade.model.numbers import COUNT_MAX
from xtrade.venues.okx.listing import read_listing


def listed(**changes):
    return [each.instrument for each in read_listing(answer([INSTRUMENTS[0] | changes]))]


def test_a_swap_counts_contracts():
    swap = made().markets.of(SWAP)

    assert swap.code == "10459"
    assert swap.instrument.kind is Kind.LINEAR
    assert (swap.instrument.base, swap.instrument.quote, swap.instrument.settle) == ("BTC", "USDT", "USDT")
    assert (swap.instrument.tick, swap.instrument.lot) == (Decimal("0.1"), Decimal("0.01"))
    assert swap.instrument.multiplier == Decimal("0.01")
    assert swap.instrument.lots_of_base("0.5") == 5_000
    assert swap.instrument.max_market_lots == 1_200_000


def test_a_pair_counts_coins():
    spot = made().markets.of(SPOT).instrument

    assert spot.kind is Kind.SPOT
    assert (spot.lot, spot.min_lots, spot.multiplier) == (Decimal("0.00000001"), 1_000, Decimal(1))
    assert spot.max_market_lots == COUNT_MAX, "the venue's figure is an amount of quote currency"


def test_a_large_contract():
    pepe = listed(
        instId="PEPE-USDT-SWAP", uly="PEPE-USDT", ctVal="10000000", tickSz="0.000000001", lotSz="0.1"
    )

    assert pepe[0].multiplier == 10_000_000
    assert pepe[0].symbol == "PEPE/USDT:USDT"


@pytest.mark.parametrize(("mult", "worth"), [("1", "0.01"), ("10", "0.1"), ("0.5", "0.005"), ("", "0.01")])
def test_face_value_times_multiplier(mult, worth):
    assert listed(ctMult=mult)[0].multiplier == Decimal(worth)


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("live", TradingStatus.TRADING),
        ("post_only", TradingStatus.POST_ONLY),
        ("suspend", TradingStatus.HALTED),
        ("preopen", TradingStatus.HALTED),
        ("rebase", TradingStatus.HALTED),
        ("expired", TradingStatus.CLOSED),
        ("something new", TradingStatus.HALTED),
    ],
)
def test_what_may_be_done_there(state, status):
    assert listed(state=state)[0].status is status


@pytest.mark.parametrize(
    "changes",
    [
        {"instId": ""},
        {"instId": "TEST-USDT-SWAP"},
        {"state": "test"},
        {"ctType": "inverse"},
        {"tickSz": ""},
        {"lotSz": "0"},
        {"uly": ""},
        {"ctVal": "nonsense"},
    ],
)
def test_what_is_no_market_for_us_costs_the_others_nothing(changes):
    found = read_listing(answer([INSTRUMENTS[0] | changes, INSTRUMENTS[1]]))

    assert [each.instrument.key for each in found] == [SPOT]


def test_the_dollar_book():
    pair = listed(instId="BTC-USD_UM-SWAP", uly="BTC-USD_UM", settleCcy="USDC")

    assert pair[0].symbol == "BTC/USD:USDC"


@pytest.mark.parametrize("kind", ["spot", "swap"])
def test_recorded_listings(kind, recorded):
    rows = recorded(f"http_get_instruments_{kind}")["data"]
    found = read_listing(answer(rows))
    wanted = [row["instId"] for row in rows if row["instType"] == "SPOT" or row["ctType"] == "linear"]

    assert [each.instrument.native for each in found] == wanted
    for each, row in zip(found, [row for row in rows if row["instId"] in wanted], strict=True):
        assert each.instrument.quantity(each.instrument.min_lots) == Decimal(row["minSz"])
        assert each.code == ("" if "instIdCode" not in row else str(row["instIdCode"]))


def test_listings_are_asked_for_by_kind(codec):
    urls = [ask.build(0).url for ask in codec.listings()]

    assert urls == [
        "https://openapi.okx.com/api/v5/public/instruments?instType=SPOT",
        "https://openapi.okx.com/api/v5/public/instruments?instType=SWAP",
    ]
