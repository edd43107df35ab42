"""User streams: what happened to an account, as the venue tells it. Events of the floor in, messages out; pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from xtrade.model.events import (
    BalanceReport,
    FundingPaid,
    OrderAccepted,
    OrderAmended,
    OrderCanceled,
    OrderEvent,
    OrderExpired,
    OrderFilled,
    PositionReport,
)
from xtrade.model.fills import Fill
from xtrade.model.instruments import Instrument
from xtrade.model.numbers import plain
from xtrade.venues.binance.box.rows import (
    Row,
    algo_id,
    algo_row,
    amount,
    is_waiting,
    placed_row,
    price,
    quantity,
    status_of,
    text_of,
)
from xtrade.venues.box.floor import Slip

__all__ = [
    "account_position",
    "account_update",
    "algo_triggered",
    "funding_update",
    "spot_order",
    "usdm_order",
]

_MS_NS: Final = 1_000_000
_SPOT_WORDS: Final = {
    OrderAccepted: "NEW",
    OrderFilled: "TRADE",
    OrderCanceled: "CANCELED",
    OrderExpired: "EXPIRED",
    OrderAmended: "REPLACED",
}
_USDM_WORDS: Final = {**_SPOT_WORDS, OrderAmended: "AMENDMENT"}


def spot_order(slip: Slip, event: OrderEvent) -> Row | None:
    """Write an execution report; None where the venue says nothing of it."""
    word = _SPOT_WORDS.get(type(event))
    if word is None:
        return None
    instrument = slip.instrument
    row = placed_row(slip)
    at_ms = (event.venue_ns or 0) // _MS_NS
    fill = event.fill if isinstance(event, OrderFilled) else None
    named = row["clientOrderId"]
    own_cancel = word == "CANCELED"
    return {
        "e": "executionReport",
        "E": at_ms,
        "s": instrument.native,
        # A cancel has a name of its own; the order's stands beside it.
        "c": f"cancel_{slip.number}" if own_cancel else named,
        "S": row["side"],
        "o": row["type"],
        "f": row["timeInForce"],
        "q": row["origQty"],
        "p": row["price"],
        "P": "0",
        "F": "0",
        "g": -1,
        "C": named if own_cancel or word == "REPLACED" else "",
        "x": "TRADE_PREVENTION" if word == "EXPIRED" and status_of(slip) == "EXPIRED_IN_MATCH" else word,
        "X": _status_then(event, slip),
        "r": "NONE",
        "i": row["orderId"],
        **_traded(instrument, fill),
        "z": _executed(event, slip),
        "T": at_ms,
        "I": event.sequence or 0,
        "w": word == "NEW",
        "M": False,
        "O": slip.created_ns // _MS_NS,
        "Z": row["cummulativeQuoteQty"],
        "Y": "0",
        "Q": row["origQuoteOrderQty"],
        "V": row["selfTradePreventionMode"],
        **({"eR": row["expiryReason"]} if "expiryReason" in row and word == "EXPIRED" else {}),
    }


def usdm_order(slip: Slip, event: OrderEvent) -> Iterator[Row]:
    """Write what happened to an order of futures; of one that waits, in the words for those."""
    word = _USDM_WORDS.get(type(event))
    if word is None:
        return
    at_ms = (event.venue_ns or 0) // _MS_NS
    if is_waiting(slip):
        yield _algo_update(slip, at_ms, str(getattr(event, "reason", "")))
        return
    instrument = slip.instrument
    row = placed_row(slip)
    fill = event.fill if isinstance(event, OrderFilled) else None
    if fill is not None:
        yield {
            "e": "TRADE_LITE",
            "E": at_ms,
            "T": at_ms,
            "s": instrument.native,
            "q": row["origQty"],
            "p": row["price"],
            "m": bool(fill.maker),
            "c": text_of(slip),
            "S": row["side"],
            "L": price(instrument, fill.ticks),
            "l": quantity(instrument, fill.lots),
            "t": int(fill.trade_id),
            "i": row["orderId"],
        }
    yield {
        "e": "ORDER_TRADE_UPDATE",
        "E": at_ms,
        "T": at_ms,
        "o": {
            "s": instrument.native,
            "c": text_of(slip),
            "S": row["side"],
            "o": row["type"],
            "f": row["timeInForce"],
            "q": row["origQty"],
            "p": row["price"],
            "ap": "0",
            "sp": row["stopPrice"],
            "x": word,
            "X": _status_then(event, slip),
            "i": row["orderId"],
            **_traded(instrument, fill),
            "z": _executed(event, slip),
            "T": at_ms,
            "b": "0",
            "a": "0",
            "R": slip.intent.reduce_only,
            "wt": "CONTRACT_PRICE",
            "ot": row["origType"],
            "ps": "BOTH",
            "cp": False,
            "rp": "0",
            "pP": False,
            "si": 0,
            "ss": 0,
            "V": row["selfTradePreventionMode"],
            "pm": "NONE",
            "gtd": row["goodTillDate"],
            "er": "0",
        },
    }
    if "algo" in slip.extra and not slip.is_open:
        yield _algo_update(slip, at_ms, "")


def algo_triggered(slip: Slip, at_ns: int) -> Iterator[Row]:
    """Write that a conditional order was triggered: it goes on as an order."""
    # By now the order may have been filled: what is told is what it was then.
    yield _algo_update(slip, at_ns // _MS_NS, "", status="TRIGGERED")
    accepted = OrderAccepted(client_order_id=slip.number, venue_order_id=slip.venue_order_id, venue_ns=at_ns)
    yield from usdm_order(slip, accepted)


def account_position(reports: list[BalanceReport], at_ns: int) -> Row:
    """Write what there is of some currencies on spot."""
    at_ms = at_ns // _MS_NS
    return {
        "e": "outboundAccountPosition",
        "E": at_ms,
        "u": at_ms,
        "B": [
            {"a": each.total.currency, "f": amount(each.available), "l": amount(each.held)}
            for each in reports
        ],
    }


def account_update(
    balances: list[BalanceReport], positions: list[tuple[Instrument, PositionReport]], at_ns: int
) -> Row:
    """Write what there is of some currencies and contracts in futures."""
    at_ms = at_ns // _MS_NS
    wallets = [
        {"a": each.total.currency, "wb": amount(each.total), "cw": amount(each.total), "bc": "0"}
        for each in balances
    ]
    held = [
        {
            "s": instrument.native,
            "pa": quantity(instrument, each.lots),
            "ep": "0" if each.entry_price is None else plain(each.entry_price),
            "bep": "0",
            "cr": "0",
            "up": "0",
            "mt": "cross",
            "iw": "0",
            "ps": "BOTH",
        }
        for instrument, each in positions
    ]
    return {"e": "ACCOUNT_UPDATE", "E": at_ms, "T": at_ms, "a": {"m": "ORDER", "B": wallets, "P": held}}


def funding_update(instrument: Instrument, paid: FundingPaid, balance: BalanceReport) -> Row:
    """Write that funding was settled."""
    at_ms = (paid.venue_ns or 0) // _MS_NS
    wallet = {
        "a": paid.amount.currency,
        "wb": amount(balance.total),
        "cw": amount(balance.total),
        "bc": amount(paid.amount),
    }
    body = {"m": "FUNDING_FEE", "B": [wallet], "P": [], "S": instrument.native}
    return {"e": "ACCOUNT_UPDATE", "E": at_ms, "T": at_ms, "a": body}


def _algo_update(slip: Slip, at_ms: int, reason: str, *, status: str = "") -> Row:
    row = algo_row(slip)
    return {
        "e": "ALGO_UPDATE",
        "E": at_ms,
        "T": at_ms,
        "o": {
            "caid": row["clientAlgoId"],
            "aid": algo_id(slip),
            "at": "CONDITIONAL",
            "o": row["orderType"],
            "s": row["symbol"],
            "S": row["side"],
            "ps": "BOTH",
            "f": row["timeInForce"],
            "q": row["quantity"],
            "X": status or row["algoStatus"],
            "ai": row["actualOrderId"],
            "ap": "0",
            "aq": "0",
            "tp": row["triggerPrice"],
            "p": row["price"],
            "V": "EXPIRE_MAKER",
            "wt": row["workingType"],
            "pm": "NONE",
            "cp": False,
            "pP": False,
            "R": row["reduceOnly"],
            "tt": 0,
            "gtd": 0,
            "rm": "" if reason == "user" else reason,
        },
    }


def _traded(instrument: Instrument, fill: Fill | None) -> Row:
    if fill is None:
        return {"l": "0", "L": "0", "n": "0", "N": None, "t": -1, "m": False}
    return {
        "l": quantity(instrument, fill.lots),
        "L": price(instrument, fill.ticks),
        "n": "0" if fill.fee is None else amount(fill.fee),
        "N": None if fill.fee is None else fill.fee.currency,
        "t": int(fill.trade_id),
        "m": bool(fill.maker),
    }


def _executed(event: OrderEvent, slip: Slip) -> str:
    """How much had traded when it happened, which is not how much has by now."""
    lots = getattr(event, "cumulative_lots", 0)
    return quantity(slip.instrument, lots)


def _status_then(event: OrderEvent, slip: Slip) -> str:
    match event:
        case OrderAccepted():
            return "NEW"
        case OrderFilled(cumulative_lots=lots):
            return "FILLED" if slip.lots and lots >= slip.lots else "PARTIALLY_FILLED"
        case OrderCanceled():
            return "CANCELED"
        case OrderExpired():
            return "EXPIRED_IN_MATCH" if event.reason == "self_trade" else "EXPIRED"
        case _:
            return "PARTIALLY_FILLED" if slip.filled_lots else "NEW"
