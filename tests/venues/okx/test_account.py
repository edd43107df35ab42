"""The account: how it is set up, what it has and holds, what it pays."""

import json
from decimal import Decimal

import pytest

from kit.okx import INSTRUMENTS, NOW_NS, RECEIVED_NS, SPOT, SWAP, answer, intended, made
from xtrade.model.errors import ConfigError, DataError, Rejected, UsageError
from xtrade.model.events import BalanceReport, MarginReport, PositionReport
from xtrade.model.money import Money
from xtrade.venues.base import FeeRates
from xtrade.venues.okx.spec import SPEC
from xtrade.venues.streams import Missed

MS = 1_000_000
USDT = {
    "ccy": "USDT", "eq": "9999.9", "cashBal": "9999.9", "availBal": "9959.9", "availEq": "9959.9", "frozenBal": "40",
    "ordFrozen": "0", "upl": "0", "liab": "0", "uTime": "1700000000131",
}  # fmt: skip
BALANCE = {
    "uTime": "1700000000131", "totalEq": "10000", "adjEq": "", "imr": "", "mmr": "", "mgnRatio": "", "upl": "",
    "details": [USDT],
}  # fmt: skip
POSITION = {
    "instType": "SWAP", "instId": "BTC-USDT-SWAP", "mgnMode": "cross", "posId": "900", "posSide": "net", "pos": "0.4",
    "availPos": "0.4", "avgPx": "49997.5", "markPx": "50000", "liqPx": "", "upl": "0.01", "lever": "5", "margin": "",
    "imr": "40", "mmr": "0.8", "ccy": "USDT", "tradeId": "57", "uTime": "1700000000131",
}  # fmt: skip
CONFIG = {
    "acctLv": "2",
    "posMode": "net_mode",
    "acctStpMode": "cancel_maker",
    "uid": "614",
    "perm": "read_only,trade",
}


def prepared(codec, *, config=CONFIG, positions=()):
    setup, held = codec.prepare()
    setup.read(answer([config]))
    held.read(answer(list(positions)))
    return codec


def mode_of(codec, key):
    return json.loads(codec.place(intended(codec, key=key)).build(NOW_NS).body)["tdMode"]


# -- balances -----------------------------------------------------------------------------------------------------


def test_balances(codec):
    (ask,) = codec.balances()
    (report,) = ask.read(answer([BALANCE]))

    assert report == BalanceReport(
        account="okx",
        total=Money.of("9999.9", "USDT"),
        held=Money.of("40", "USDT"),
        venue_ns=1_700_000_000_131 * MS,
        received_ns=RECEIVED_NS,
    )
    assert report.available == Money.of("9959.9", "USDT")


@pytest.mark.parametrize(
    ("changes", "total", "held"),
    [
        ({"availBal": "", "availEq": "9000"}, "9999.9", "999.9"),
        ({"availBal": "", "availEq": ""}, "9999.9", "0"),
        ({"availBal": "12000"}, "9999.9", "0"),
        ({"cashBal": "-5", "availBal": "0"}, "-5", "0"),
    ],
)
def test_what_is_tied_up(changes, total, held, codec):
    (report,) = codec.balances()[0].read(answer([BALANCE | {"details": [USDT | changes]}]))

    assert (report.total, report.held) == (Money.of(total, "USDT"), Money.of(held, "USDT"))


def test_a_currency_without_a_balance_is_left_out(codec):
    assert codec.balances()[0].read(answer([BALANCE | {"details": [USDT | {"cashBal": ""}]}])) == []


def test_balances_are_told(hear):
    message = {
        "arg": {"channel": "account", "uid": "614"},
        "eventType": "snapshot",
        "curPage": 1,
        "lastPage": True,
        "data": [BALANCE],
    }

    assert [str(report.total) for report in hear(message, "private")] == ["9999.9 USDT"]


@pytest.mark.parametrize(
    ("row", "margins"),
    [
        (BALANCE, []),
        (BALANCE | {"details": [USDT | {"mmr": "12.5"}]}, [("9999.9 USDT", "12.5 USDT")]),
        (BALANCE | {"adjEq": "10000", "mmr": "12.5"}, [("10000 USD", "12.5 USD")]),
    ],
)
def test_what_positions_need(row, margins, hear):
    said = hear({"arg": {"channel": "account"}, "data": [row]}, "private")
    found = [each for each in said if isinstance(each, MarginReport)]

    assert [(str(each.equity), str(each.maintenance)) for each in found] == margins


# -- positions ----------------------------------------------------------------------------------------------------


def test_positions(codec):
    (ask,) = codec.positions()
    found = ask.read(answer([POSITION, POSITION | {"instId": "BTC-USD-SWAP"}]))

    assert found == [
        PositionReport(
            account="okx",
            instrument=SWAP,
            lots=40,
            entry_price=Decimal("49997.5"),
            venue_ns=1_700_000_000_131 * MS,
            received_ns=RECEIVED_NS,
        )
    ]


@pytest.mark.parametrize(
    ("rows", "lots"),
    [
        ([POSITION | {"pos": "-0.4"}], [-40]),
        ([POSITION | {"posSide": "short"}], [-40]),
        ([POSITION | {"posSide": "long", "pos": "1"}, POSITION | {"posSide": "short"}], [60]),
        ([POSITION, POSITION | {"mgnMode": "isolated"}], [80]),
        ([POSITION | {"posSide": "long"}, POSITION | {"posSide": "short"}], []),
        ([POSITION | {"pos": "0"}], []),
        ([POSITION | {"pos": ""}], []),
    ],
)
def test_a_position_is_the_sum_of_its_parts(rows, lots, codec):
    assert [report.lots for report in codec.positions()[0].read(answer(rows))] == lots


def test_positions_are_told_and_closed_ones_too(hear):
    def told(**changes):
        message = {"arg": {"channel": "positions", "instType": "ANY"}, "data": [POSITION | changes]}
        return hear(message, "private")

    assert [report.lots for report in told(pos="-0.4")] == [-40]
    assert [report.lots for report in told(pos="0", avgPx="")] == [0]
    assert told(instId="BTC-USD-SWAP") == []


@pytest.mark.parametrize("changes", [{"posSide": "long"}, {"mgnMode": "isolated"}])
def test_a_part_of_a_position_is_not_taken_for_all_of_it(changes, hear):
    (said,) = hear(
        {"arg": {"channel": "positions", "instType": "ANY"}, "data": [POSITION | changes]}, "private"
    )

    assert isinstance(said, Missed)


# -- how it is set up ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("level", "spot", "swap"),
    [("1", "cash", "cross"), ("2", "cash", "cross"), ("3", "cross", "cross"), ("4", "cross", "cross")],
)
def test_orders_say_what_the_mode_of_the_account_wants(level, spot, swap, codec):
    prepared(codec, config=CONFIG | {"acctLv": level})

    assert (mode_of(codec, SPOT), mode_of(codec, SWAP)) == (spot, swap)


def test_an_account_that_keeps_longs_and_shorts_apart_is_not_traded(codec):
    with pytest.raises(ConfigError, match="set its position mode to net"):
        prepared(codec, config=CONFIG | {"posMode": "long_short_mode"})


def test_a_position_goes_on_in_the_margin_mode_in_which_it_was_begun(codec):
    prepared(codec, positions=[POSITION | {"mgnMode": "isolated"}])

    assert mode_of(codec, SWAP) == "isolated"


def test_a_position_in_both_modes_is_not_traded(codec):
    with pytest.raises(ConfigError, match="cross and isolated"):
        prepared(codec, positions=[POSITION, POSITION | {"mgnMode": "isolated"}])


def test_the_margin_mode_is_that_of_the_orders(codec):
    codec.margin_mode(SWAP, isolated=True).read(answer([]))
    assert mode_of(codec, SWAP) == "isolated"

    with pytest.raises(Rejected, match="close it first"):
        codec.margin_mode(SWAP, isolated=False).read(answer([POSITION | {"mgnMode": "isolated"}]))
    assert mode_of(codec, SWAP) == "isolated"

    codec.margin_mode(SWAP, isolated=False).read(answer([]))
    assert mode_of(codec, SWAP) == "cross"


def test_what_has_no_margin_mode(codec):
    assert codec.margin_mode(SPOT, isolated=True) is None
    prepared(codec, config=CONFIG | {"acctLv": "3"})
    with pytest.raises(UsageError, match="no isolated margin"):
        codec.margin_mode(SWAP, isolated=True)


def test_leverage(codec):
    ask = codec.leverage(SWAP, 5)

    assert json.loads(ask.build(NOW_NS).body) == {
        "instId": "BTC-USDT-SWAP",
        "lever": "5",
        "mgnMode": "cross",
    }
    ask.read(answer([{"instId": "BTC-USDT-SWAP", "lever": "5", "mgnMode": "cross", "posSide": "net"}]))
    assert codec.leverage(SPOT, 5) is None


# -- fees ---------------------------------------------------------------------------------------------------------

FEES = {
    "maker": "-0.0008", "taker": "-0.001", "makerU": "-0.0002", "takerU": "-0.0005", "makerUSDC": "", "takerUSDC": "",
    "instType": "SWAP", "level": "Lv1", "ts": "1608623626000",
}  # fmt: skip

GROUP = {"groupId": "4", "maker": "0.0001", "taker": "-0.0003"}


@pytest.mark.parametrize(
    ("key", "changes", "rates"),
    [
        (SPOT, {}, ("0.0008", "0.001")),
        (SWAP, {}, ("0.0002", "0.0005")),
        (
            SWAP,
            {"feeGroup": [{"groupId": "4", "maker": "0.0001", "taker": "-0.0003"}]},
            ("-0.0001", "0.0003"),
        ),
        (SWAP, {"makerU": "0", "takerU": "-0"}, ("0", "0")),
    ],
)
def test_fees_are_what_is_paid(key, changes, rates, codec):
    listing = [{**row, "groupId": "4"} for row in INSTRUMENTS]
    for each in codec.listings():
        codec.markets.learn(each.read(answer(listing)))
    (ask,) = codec.fee_rates([key])

    assert ask.read(answer([FEES | changes])) == {key: FeeRates(*map(Decimal, rates))}


def test_fees_that_are_not_told_are_not_nothing(codec):
    (ask,) = codec.fee_rates([SPOT])

    for said in ([], [FEES | {"maker": ""}]):
        with pytest.raises(DataError):
            ask.read(answer(said))


def test_the_fees_of_all_markets_are_two_questions(codec):
    spot, swap = codec.fee_rates([SPOT, SWAP, "okx:OLD/USDT"])

    assert spot.build(NOW_NS).url.endswith("trade-fee?instType=SPOT")
    assert swap.build(NOW_NS).url.endswith("trade-fee?instType=SWAP")
    assert set(spot.read(answer([FEES]))) == {SPOT, "okx:OLD/USDT"}


# -- as recorded --------------------------------------------------------------------------------------------------


def test_recorded_answers(recorded, codec):
    (report,) = codec.balances()[0].read(answer(recorded("http_get_account_balance")["data"]))
    (position,) = codec.positions()[0].read(answer(recorded("http_get_positions")["data"]))
    (ask,) = codec.fee_rates([SPOT])

    assert report.total == Money.of("94.42612990333333", "USDT")
    assert (position.instrument, position.lots) == (SWAP, 50)
    assert (position.entry_price, position.liquidation_price) == (Decimal(10_000), Decimal(9_000))
    assert ask.read(answer(recorded("http_get_trade_fee_response")["data"])) == {
        SPOT: FeeRates(Decimal("0.0008"), Decimal("0.001"))
    }


@pytest.mark.parametrize(("name", "currencies"), [("ws_account", None), ("ws_account_empty", [])])
def test_recorded_messages(name, currencies, recorded, hear):
    message = recorded(name)
    wanted = [each["ccy"] for row in message["data"] for each in row["details"]]
    said = hear(message, "private")

    assert [each.total.currency for each in said if isinstance(each, BalanceReport)] == wanted
    assert currencies is None or wanted == currencies


def test_every_ask_of_the_account_has_room_in_its_pools():
    codec = made()
    pools = {pool.name for pool in SPEC.pools}
    asks = [
        *codec.prepare(), *codec.balances(), *codec.positions(), *codec.fills(0, []), *codec.open_orders([]),
        *codec.fee_rates([SPOT]), *codec.countdown(10, []), *codec.listings(), codec.clock(), codec.mark(SWAP),
        codec.funding(SWAP), codec.funding_history(SWAP, 0, 1), codec.book(SWAP, 5), codec.trades(SWAP, 5),
        codec.bars(SWAP, 60 * 10**9, 0, 1), codec.leverage(SWAP, 3), codec.margin_mode(SWAP, isolated=True),
        codec.place(intended(codec)), codec.place_many([intended(codec)]),
    ]  # fmt: skip

    assert {cost.pool for ask in asks for cost in ask.costs} <= pools
    assert all(ask.costs for ask in asks)
