"""What ccxt reads of a venue's answers, as ours: pure, one function for each of ccxt's structures.

order_told     an order row: where it stands, as far as the row says; most replies leave out most of it
fill_told      a trade of ours
balances_told, position_told
book_told, trade_told, mark_told, funding_told, settled_told, bars_told

A row that cannot be read exactly is a DataError or a NumberError, never a guess.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from msgspec import Struct

from xtrade.model.durations import duration_ns
from xtrade.model.errors import DataError, NumberError
from xtrade.model.events import BalanceReport, Bar, BookSnapshot, Funding, MarkPrice, PositionReport, Trade
from xtrade.model.fills import Fill
from xtrade.model.instruments import Instrument
from xtrade.model.levels import Levels
from xtrade.model.money import Money
from xtrade.model.order_state import OrderStatus
from xtrade.model.sides import Side
from xtrade.venues.base import SettledFunding
from xtrade.venues.ccxt.figures import counted, decimal_of

__all__ = [
    "OrderTold",
    "balances_told",
    "bars_told",
    "book_told",
    "fill_told",
    "funding_told",
    "mark_told",
    "order_told",
    "position_told",
    "settled_told",
    "trade_told",
]

MS: Final = 1_000_000

# The side says which way; the number of contracts is unsigned at most venues, and at some both say it.
_POSITION_SIGN: Final = {"long": 1, "buy": 1, "short": -1, "sell": -1}
_STATUS: Final = {
    "open": OrderStatus.OPEN,
    "canceling": OrderStatus.OPEN,
    "closed": OrderStatus.FILLED,
    "canceled": OrderStatus.CANCELED,
    "expired": OrderStatus.EXPIRED,
    "rejected": OrderStatus.REJECTED,
}


class OrderTold(Struct, frozen=True, kw_only=True):
    """What one row says of one order; None where it does not say."""

    venue_order_id: str | None
    client_text: str | None
    side: Side | None
    status: OrderStatus | None
    lots: int | None
    filled_lots: int | None
    ticks: int | None
    venue_ns: int | None
    created_ns: int | None


def order_told(row: Mapping[str, Any], instrument: Instrument) -> OrderTold:
    """Read an order row."""
    lots = _lots(row.get("amount"), instrument)
    filled = _lots(row.get("filled"), instrument)
    price = row.get("price")
    # ccxt writes the average of a market order's fills where its price would stand.
    priced = price is not None and row.get("type") != "market" and decimal_of(price) != 0
    return OrderTold(
        venue_order_id=_text(row.get("id")),
        client_text=_text(row.get("clientOrderId")),
        side=_side(row.get("side")),
        status=_status(row.get("status"), lots, filled),
        lots=lots,
        filled_lots=filled,
        ticks=counted(price, instrument.tick) if priced else None,
        venue_ns=_ns(row.get("lastUpdateTimestamp")),
        created_ns=_ns(row.get("timestamp")),
    )


def fill_told(row: Mapping[str, Any], instrument: Instrument) -> Fill:
    """Read a trade of ours. Without an id of its own it is named by what it was."""
    side = _side(row.get("side"))
    if side is None or row.get("price") is None or row.get("amount") is None:
        raise DataError(f"{instrument.key}: a trade of ours without side, price or quantity")
    maker = {"maker": True, "taker": False}.get(str(row.get("takerOrMaker")))
    trade_id = _text(row.get("id"))
    if trade_id is None:
        trade_id = f"{row.get('order')}/{row.get('timestamp')}/{row['price']}/{row['amount']}"
    return Fill(
        trade_id=trade_id,
        side=side,
        ticks=counted(row["price"], instrument.tick),
        lots=counted(row["amount"], instrument.lot),
        fee=_fee(row),
        maker=maker,
        venue_ns=_ns(row.get("timestamp")),
    )


def balances_told(account: str, told: Mapping[str, Any], heard_ns: int) -> list[BalanceReport]:
    """Read what there is of each currency."""
    found = []
    for currency, total in (told.get("total") or {}).items():
        if total is None:
            continue
        free, used = (told.get(part, {}).get(currency) for part in ("free", "used"))
        whole = _money(total, currency)
        if used is not None:
            held = _money(used, currency)
        else:
            held = Money(0, currency) if free is None else whole - _money(free, currency)
        found.append(BalanceReport(account=account, total=whole, held=held, received_ns=heard_ns))
    return found


def position_told(
    account: str, rows: Iterable[Mapping[str, Any]], instrument: Instrument, heard_ns: int
) -> PositionReport | None:
    """Read what is held of one contract, the two sides of a hedged one netted; None where it is flat."""
    lots = 0
    last: Mapping[str, Any] = {}
    for row in rows:
        contracts = row.get("contracts")
        if contracts is None:
            raise DataError(f"{instrument.key}: a position without a number of contracts")
        size = counted(contracts, instrument.lot)
        sign = _POSITION_SIGN.get(str(row.get("side")), -1 if size < 0 else 0)
        if size and not sign:
            raise DataError(f"{instrument.key}: a position that is neither long nor short")
        lots += sign * abs(size)
        last = row if size else last
    if not lots:
        return None
    return PositionReport(
        account=account,
        instrument=instrument.key,
        lots=lots,
        entry_price=_positive(last.get("entryPrice")),
        liquidation_price=_positive(last.get("liquidationPrice")),
        venue_ns=_ns(last.get("timestamp")),
        received_ns=heard_ns,
    )


def book_told(
    told: Mapping[str, Any], instrument: Instrument, levels_max: int, heard_ns: int
) -> BookSnapshot:
    """Read a book, to a depth."""

    def side(rows: Sequence[Sequence[Any]]) -> Levels:
        pairs = []
        for row in rows[:levels_max]:
            lots = counted(row[1], instrument.lot)
            if lots > 0:
                pairs.append((counted(row[0], instrument.tick), lots))
        return Levels.of(pairs)

    return BookSnapshot(
        instrument=instrument.key,
        bids=side(told["bids"]),
        asks=side(told["asks"]),
        venue_ns=_ns(told.get("timestamp")),
        received_ns=heard_ns,
    )


def trade_told(row: Mapping[str, Any], instrument: Instrument, heard_ns: int) -> Trade | None:
    """Read a public trade; None for one that is too small to count, or of which the taker is not told."""
    taker = _side(row.get("side"))
    lots = instrument.lots(decimal_of(row["amount"]), toward="nearest")
    if taker is None or lots < 1:
        return None
    return Trade(
        instrument=instrument.key,
        trade_id=_text(row.get("id")) or f"{row.get('timestamp')}/{row['price']}/{row['amount']}",
        ticks=counted(row["price"], instrument.tick),
        lots=lots,
        taker=taker,
        venue_ns=_ns(row.get("timestamp")),
        received_ns=heard_ns,
    )


def mark_told(row: Mapping[str, Any], instrument: Instrument, heard_ns: int) -> MarkPrice | None:
    """Read a mark price, out of a funding rate or a ticker."""
    mark = _positive(row.get("markPrice"))
    if mark is None:
        return None
    return MarkPrice(
        instrument=instrument.key,
        mark=mark,
        index=_positive(row.get("indexPrice")),
        venue_ns=_ns(row.get("timestamp")),
        received_ns=heard_ns,
    )


def funding_told(row: Mapping[str, Any], instrument: Instrument, heard_ns: int) -> Funding | None:
    """Read the running funding period."""
    if row.get("fundingRate") is None:
        return None
    predicted = row.get("nextFundingRate")
    return Funding(
        instrument=instrument.key,
        rate=decimal_of(row["fundingRate"]),
        next_ns=_ns(row.get("fundingTimestamp")) or _ns(row.get("nextFundingTimestamp")),
        interval_ns=_interval_ns(row.get("interval")),
        predicted=None if predicted is None else decimal_of(predicted),
        venue_ns=_ns(row.get("timestamp")),
        received_ns=heard_ns,
    )


def settled_told(row: Mapping[str, Any], instrument: str) -> SettledFunding:
    """Read a funding rate that was charged."""
    at_ns = _ns(row.get("timestamp"))
    if at_ns is None or row.get("fundingRate") is None:
        raise DataError(f"{instrument}: a funding rate without a time or without the rate")
    return SettledFunding(
        instrument=instrument,
        at_ns=at_ns,
        rate=decimal_of(row["fundingRate"]),
        interval_ns=_interval_ns(row.get("interval")),
    )


def bars_told(
    rows: Iterable[Sequence[Any]], instrument: Instrument, interval_ns: int, heard_ns: int
) -> Iterator[Bar]:
    """Read candles. Their volume is in base coins, or in whatever this venue counts."""
    for start_ms, opened, high, low, close, volume in (row[:6] for row in rows):
        start_ns = int(start_ms) * MS
        yield Bar(
            instrument=instrument.key,
            start_ns=start_ns,
            interval_ns=interval_ns,
            open_ticks=counted(opened, instrument.tick),
            high_ticks=counted(high, instrument.tick),
            low_ticks=counted(low, instrument.tick),
            close_ticks=counted(close, instrument.tick),
            volume_lots=0
            if volume is None
            else instrument.lots_of_base(
                decimal_of(volume), ticks=counted(close, instrument.tick), toward="nearest"
            ),
            closed=start_ns + interval_ns <= heard_ns,
            received_ns=heard_ns,
        )


# -- how ----------------------------------------------------------------------------------------------------------


def _status(told: object, lots: int | None, filled: int | None) -> OrderStatus | None:
    """Read the status: ccxt calls closed what is over, filled or not."""
    status = None if told is None else _STATUS.get(str(told))
    if status is OrderStatus.OPEN and filled:
        return OrderStatus.PARTIAL
    if status is OrderStatus.FILLED and lots is not None and filled is not None and filled < lots:
        return OrderStatus.EXPIRED
    return status


def _fee(row: Mapping[str, Any]) -> Money | None:
    """Read the fee where it is of one currency; None where the venue does not tell it, or tells several."""
    several = [fee for fee in row.get("fees") or () if fee and fee.get("cost") is not None]
    one = row.get("fee")
    told = several or ([one] if one and one.get("cost") is not None else [])
    currencies = {fee.get("currency") for fee in told}
    if len(currencies) != 1 or None in currencies:
        return None
    currency = str(currencies.pop())
    paid = Money(0, currency)
    for fee in told:
        paid += _money(fee["cost"], currency)
    return paid


def _money(value: object, currency: str) -> Money:
    """Money to the atom; what a venue tells beyond 24 places is dust, and is dropped."""
    amount = decimal_of(value)
    exponent = amount.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -24:
        numerator, denominator = amount.as_integer_ratio()
        atoms = abs(numerator) * 10**24 // denominator
        return Money(atoms if numerator >= 0 else -atoms, currency)
    return Money.of(amount, currency)


def _lots(value: object, instrument: Instrument) -> int | None:
    return None if value is None else counted(value, instrument.lot)


def _side(value: object) -> Side | None:
    return Side(value) if value in {"buy", "sell"} else None


def _positive(value: object) -> Decimal | None:
    if value is None:
        return None
    found = decimal_of(value)
    return found if found > 0 else None


def _text(value: object) -> str | None:
    return None if value is None or value == "" else str(value)


def _ns(milliseconds: object) -> int | None:
    if milliseconds is None or isinstance(milliseconds, bool):
        return None
    if not isinstance(milliseconds, (int, float, str)):
        raise NumberError(f"expected a time, got {type(milliseconds).__name__}")
    return int(decimal_of(milliseconds) * MS)


def _interval_ns(told: object) -> int | None:
    try:
        return None if not told else duration_ns(str(told))
    except ValueError:
        return None
