"""The rows in which a box of OKX tells things: everything is text, and what there is not is an empty text."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final, NamedTuple, TypeAlias

from xtrade.model.events import (
    BalanceReport,
    Bar,
    Funding,
    MarkPrice,
    OrderAccepted,
    OrderAmended,
    OrderCanceled,
    OrderCompleted,
    OrderEvent,
    OrderExpired,
    OrderFilled,
    Trade,
)
from xtrade.model.fills import Fill
from xtrade.model.instruments import Instrument, Kind
from xtrade.model.money import Money
from xtrade.model.numbers import plain, signal
from xtrade.model.order_state import OrderStatus
from xtrade.model.orders import TimeInForce
from xtrade.model.positions import Position
from xtrade.venues.box.floor import Executed, Slip

__all__ = [
    "ALGO_FROM",
    "WOKEN",
    "Row",
    "Running",
    "after",
    "balance_row",
    "bar_row",
    "fill_row",
    "funding_row",
    "instrument_row",
    "kind_of",
    "level_rows",
    "mark_row",
    "ms",
    "order_row",
    "position_row",
    "told_order",
    "trade_row",
]

Row: TypeAlias = dict[str, Any]
ALGO_FROM: Final = 5 * 10**17
"""Orders that sleep are numbered from here."""
WOKEN: Final = "woken"
"""What is remembered beside an order that slept, once a price has woken it."""
# Listed since then, all of them.
_LISTED_MS: Final = "1600000000000"


def ms(at_ns: int | None) -> str:
    """Write a time."""
    return "" if at_ns is None else str(at_ns // 1_000_000)


def kind_of(instrument: Instrument) -> str:
    """Say which kind of market it is."""
    return "SPOT" if instrument.kind is Kind.SPOT else "SWAP"


def _worth(value: Fraction | Decimal | int, digits: int = 8) -> str:
    """Write a figure that is for people: so many digits behind the point."""
    return plain(signal(round(float(value), digits)))


# -- markets ------------------------------------------------------------------------------------------------------


def instrument_row(instrument: Instrument, code: int) -> Row:
    """Write a market."""
    is_swap = instrument.kind is not Kind.SPOT
    family = f"{instrument.base}-{instrument.quote}" if is_swap else ""
    return {
        "instType": kind_of(instrument),
        "instId": instrument.native,
        "instIdCode": code,
        "uly": family,
        "instFamily": family,
        "category": "1",
        "baseCcy": "" if is_swap else instrument.base,
        "quoteCcy": "" if is_swap else instrument.quote,
        "settleCcy": instrument.settle if is_swap else "",
        "ctVal": plain(instrument.multiplier) if is_swap else "",
        "ctMult": "1" if is_swap else "",
        "ctValCcy": instrument.base if is_swap else "",
        "ctType": "linear" if is_swap else "",
        "optType": "",
        "stk": "",
        "alias": "",
        "listTime": _LISTED_MS,
        "expTime": "",
        "lever": "20" if is_swap else "10",
        "tickSz": plain(instrument.tick),
        "lotSz": plain(instrument.lot),
        "minSz": plain(instrument.quantity(instrument.min_lots)),
        "maxLmtSz": "100000000" if is_swap else "9999999999",
        "maxMktSz": "100000" if is_swap else "1000000",
        "maxLmtAmt": "20000000",
        "maxMktAmt": "" if is_swap else "1000000",
        "state": "live",
        "ruleType": "normal",
        "groupId": "1",
        "tradeQuoteCcyList": [] if is_swap else [instrument.quote],
    }


def level_rows(levels: Mapping[int, int] | list[tuple[int, int]], instrument: Instrument) -> list[list[str]]:
    """Write levels of a book; how many orders stand at each is not counted, and said to be one."""
    pairs = levels.items() if isinstance(levels, Mapping) else levels
    return [
        [plain(instrument.price(ticks)), plain(instrument.quantity(lots)), "0", "1" if lots else "0"]
        for ticks, lots in pairs
    ]


def trade_row(trade: Trade, instrument: Instrument) -> Row:
    """Write a public trade."""
    return {
        "instId": instrument.native,
        "tradeId": trade.trade_id,
        "px": plain(instrument.price(trade.ticks)),
        "sz": plain(instrument.quantity(trade.lots)),
        "side": trade.taker.value,
        "ts": ms(trade.venue_ns),
        "count": "1",
        "source": "0",
    }


def mark_row(mark: MarkPrice, instrument: Instrument) -> Row:
    """Write a mark price."""
    return {
        "instType": kind_of(instrument),
        "instId": instrument.native,
        "markPx": plain(mark.mark),
        "ts": ms(mark.venue_ns),
    }


def funding_row(funding: Funding, instrument: Instrument, settled: Funding | None) -> Row:
    """Write the running funding period, and what the last one came to."""
    next_ns, interval_ns = funding.next_ns or 0, funding.interval_ns or 0
    return {
        "instType": "SWAP",
        "instId": instrument.native,
        "method": "current_period",
        "formulaType": "withRate",
        "fundingRate": plain(funding.rate),
        "nextFundingRate": "",
        "fundingTime": ms(next_ns),
        "nextFundingTime": ms(next_ns + interval_ns),
        "minFundingRate": "-0.0075",
        "maxFundingRate": "0.0075",
        "interestRate": "0.0001",
        "impactValue": "20000",
        "premium": "",
        "settState": "settled",
        "settFundingRate": "" if settled is None else plain(settled.rate),
        "ts": ms(funding.venue_ns),
    }


def bar_row(bar: Bar, instrument: Instrument, now_ns: int) -> list[str]:
    """Write a bar."""
    base = Fraction(instrument.quantity(bar.volume_lots)) * Fraction(instrument.multiplier)
    middle = Fraction(instrument.price(bar.open_ticks + bar.close_ticks)) / 2
    return [
        ms(bar.start_ns),
        plain(instrument.price(bar.open_ticks)),
        plain(instrument.price(bar.high_ticks)),
        plain(instrument.price(bar.low_ticks)),
        plain(instrument.price(bar.close_ticks)),
        plain(instrument.quantity(bar.volume_lots)),
        _worth(base),
        _worth(base * middle),
        "1" if bar.start_ns + bar.interval_ns <= now_ns else "0",
    ]


# -- orders -------------------------------------------------------------------------------------------------------


class Running(NamedTuple):
    """How far an order had come when something was told of it."""

    filled_lots: int = 0
    filled_value: int = 0
    fee: Money | None = None


_ORDER_TYPES: Final[Mapping[TimeInForce, str]] = {
    TimeInForce.GTC: "limit",
    TimeInForce.IOC: "ioc",
    TimeInForce.FOK: "fok",
}
# Why an order was ended, in the venue's numbers.
_SOURCES: Final[Mapping[str, str]] = {
    "user": "1",
    "countdown": "20",
    "reduce_only": "22",
    "amended_to_filled": "1",
    "liquidation": "3",
    "ioc": "14",
    "fok": "13",
    "self_trade": "32",
    "post_only": "31",
}
_STATES: Final[Mapping[OrderStatus, str]] = {
    OrderStatus.NEW: "live",
    OrderStatus.OPEN: "live",
    OrderStatus.PARTIAL: "partially_filled",
    OrderStatus.FILLED: "filled",
}


def after(running: Running, event: OrderEvent) -> Running:
    """Return how far an order has come after an event."""
    if not isinstance(event, OrderFilled):
        return running
    fill = event.fill
    fee = running.fee if fill.fee is None else fill.fee if running.fee is None else running.fee + fill.fee
    return Running(running.filled_lots + fill.lots, running.filled_value + fill.lots * fill.ticks, fee)


def order_row(slip: Slip, last: Fill | None = None) -> Row:
    """Write an order as it stands; the fields of a fill are those of the last one."""
    fee = None
    for currency, atoms in slip.fees.items():
        fee = Money(atoms, currency)
    row = _order(slip, Running(slip.filled_lots, slip.filled_value, fee), slip.lots, slip.ticks)
    row["state"] = _STATES.get(slip.status, "canceled")
    if row["state"] == "canceled":
        row["cancelSource"] = _SOURCES.get(slip.reason or slip.code, _SOURCES.get(slip.code, "0"))
    return row | ({} if last is None else _fill_fields(last, slip.instrument))


def told_order(slip: Slip, event: OrderEvent, running: Running, request: str | None) -> Row | None:
    """Write what an event made of an order, for the stream; None where it tells nothing.

    `request` is the client's name for the change that it asked for; None where the venue changed the order.
    """
    lots, ticks = slip.lots, slip.ticks
    if isinstance(event, OrderAmended):
        lots, ticks = event.lots, event.ticks or ticks
    row = _order(slip, running, lots, ticks)
    row |= {"uTime": ms(event.venue_ns), "code": "0", "msg": "", "lastPx": "", "source": ""}
    row |= {"amendSource": "", "fillNotionalUsd": "", "fillPnl": "0"}
    rests = "partially_filled" if running.filled_lots else "live"
    match event:
        case OrderAccepted():
            row["state"] = "live"
        case OrderFilled(fill=fill):
            row["state"] = "filled" if lots and running.filled_lots >= lots else "partially_filled"
            row |= _fill_fields(fill, slip.instrument)
        case OrderCompleted():
            row["state"] = "filled"
        case OrderCanceled(reason=reason) | OrderExpired(reason=reason):
            row |= {"state": "canceled", "cancelSource": _SOURCES.get(reason, "0")}
        case OrderAmended():
            asked = request is not None
            row |= {"state": rests, "amendResult": "0" if asked else "", "reqId": request or ""}
            row["amendSource"] = "1" if asked else "3"
        case _:
            return None
    return row


def _order(slip: Slip, running: Running, lots: int, ticks: int | None) -> Row:
    intent, instrument = slip.intent, slip.instrument
    # What sleeps is called by the client; the order that it places is not.
    woke = intent.type.is_triggered
    fee_currency = instrument.settle if running.fee is None else running.fee.currency
    if not intent.type.is_limit:
        kind = "market"
    else:
        kind = "post_only" if intent.post_only else _ORDER_TYPES.get(intent.time_in_force, "limit")
    size = instrument.quantity(lots) if intent.quote_amount is None else intent.quote_amount.amount
    average = ""
    if running.filled_lots:
        average = _worth(
            Fraction(running.filled_value, running.filled_lots) * Fraction(instrument.tick), digits=10
        )
    return {
        "instType": kind_of(instrument),
        "instId": instrument.native,
        "ordId": slip.venue_order_id,
        "clOrdId": "" if woke else slip.text,
        "tag": slip.extra.get("tag", ""),
        "px": "" if ticks is None else plain(instrument.price(ticks)),
        "sz": plain(size),
        "ordType": kind,
        "side": intent.side.value,
        "posSide": "net" if instrument.kind is not Kind.SPOT else "",
        "tdMode": slip.extra.get("tdMode", "cash"),
        "tgtCcy": slip.extra.get("tgtCcy", ""),
        "accFillSz": plain(instrument.quantity(running.filled_lots)),
        "avgPx": average,
        "fillPx": "",
        "fillSz": "0",
        "fillTime": "",
        "tradeId": "",
        "fillFee": "0",
        "fillFeeCcy": "",
        "execType": "",
        "lever": slip.extra.get("lever", ""),
        "fee": "0" if running.fee is None else plain((-running.fee).amount),
        "feeCcy": fee_currency,
        "rebate": "0",
        "rebateCcy": fee_currency,
        "pnl": "0",
        "category": "normal",
        "reduceOnly": "true" if intent.reduce_only else "false",
        "cancelSource": "",
        "amendResult": "",
        "reqId": "",
        "stpMode": "cancel_maker",
        "algoId": str(ALGO_FROM + slip.number) if woke else "",
        "algoClOrdId": slip.text if woke else "",
        "attachAlgoOrds": [],
        "cTime": ms(slip.created_ns),
        "uTime": ms(slip.updated_ns),
    }


def _fill_fields(fill: Fill, instrument: Instrument) -> Row:
    return {
        "fillPx": plain(instrument.price(fill.ticks)),
        "fillSz": plain(instrument.quantity(fill.lots)),
        "fillTime": ms(fill.venue_ns),
        "tradeId": fill.trade_id,
        "fillFee": "0" if fill.fee is None else plain((-fill.fee).amount),
        "fillFeeCcy": "" if fill.fee is None else fill.fee.currency,
        "execType": "M" if fill.maker else "T",
    }


def fill_row(executed: Executed) -> Row:
    """Write a fill."""
    slip, fill = executed.slip, executed.fill
    fields = _fill_fields(fill, slip.instrument)
    return {
        "instType": kind_of(slip.instrument),
        "instId": slip.instrument.native,
        "tradeId": fill.trade_id,
        "ordId": slip.venue_order_id,
        "clOrdId": "" if slip.intent.type.is_triggered else slip.text,
        "billId": str(executed.number),
        "tag": slip.extra.get("tag", ""),
        "fillPx": fields["fillPx"],
        "fillSz": fields["fillSz"],
        "side": fill.side.value,
        "posSide": "net",
        "execType": fields["execType"],
        "fee": fields["fillFee"],
        "feeCcy": fields["fillFeeCcy"],
        "fillPnl": "0",
        "fillTime": ms(executed.at_ns),
        "ts": ms(executed.at_ns),
    }


# -- accounts -----------------------------------------------------------------------------------------------------


def balance_row(balance: BalanceReport, at_ns: int) -> Row:
    """Write what there is of one currency."""
    total, free = plain(balance.total.amount), plain(balance.available.amount)
    held = plain(balance.held.amount)
    return {
        "ccy": balance.total.currency,
        "eq": total,
        "cashBal": total,
        "availBal": free,
        "availEq": free,
        "frozenBal": held,
        "ordFrozen": held,
        "upl": "0",
        "liab": "0",
        "mmr": "",
        "imr": "",
        "uTime": ms(at_ns),
    }


def position_row(
    position: Position,
    instrument: Instrument,
    *,
    mark: MarkPrice | None,
    liquidation: Decimal | None,
    mode: str,
    leverage: str,
    at_ns: int,
) -> Row:
    """Write a position."""
    entry = position.entry_price(instrument)
    profit = worth = Money(0, instrument.settle)
    if mark is not None and position.lots:
        profit = position.unrealised(instrument, mark.mark)
        worth = Money(abs(instrument.value_at(mark.mark, position.lots)), instrument.settle)
    size = plain(instrument.quantity(position.lots))
    cost = abs(position.cost.atoms)
    return {
        "instType": "SWAP",
        "instId": instrument.native,
        "mgnMode": mode,
        "posId": str(sum(map(ord, instrument.key))),
        "posSide": "net",
        "pos": size,
        "availPos": size,
        "posCcy": "",
        "avgPx": "" if entry is None else plain(entry),
        "markPx": "" if mark is None else plain(mark.mark),
        "last": "",
        "liqPx": "" if liquidation is None else plain(liquidation),
        "upl": plain(profit.amount),
        "uplRatio": _worth(Fraction(profit.atoms, cost)) if cost else "",
        "lever": leverage,
        "margin": "",
        "imr": _worth(Fraction(worth.amount) / int(leverage)),
        "mmr": _worth(Fraction(worth.amount) / 100),
        "mgnRatio": "",
        "notionalUsd": plain(worth.amount),
        "adl": "1",
        "ccy": instrument.settle,
        "realizedPnl": plain(position.realised.amount),
        "fee": "0",
        "fundingFee": "0",
        "pnl": plain(position.realised.amount),
        "bePx": "",
        "tradeId": "",
        "cTime": ms(at_ns),
        "uTime": ms(at_ns),
    }
