"""Rows that are heard and asked for alike, as the model's facts: trades, fills, positions, balances."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from xtrade.model.events import BalanceReport, PositionReport, Trade
from xtrade.model.fills import Fill
from xtrade.model.instruments import Instrument
from xtrade.model.money import Money
from xtrade.model.numbers import number, product
from xtrade.model.sides import Side
from xtrade.venues.levels import counters
from xtrade.venues.lighter import messages as wire
from xtrade.venues.lighter.memory import MarginTerms

__all__ = [
    "HOUR_NS",
    "balance",
    "by_trade_id",
    "fill",
    "margin_terms",
    "next_hour_ns",
    "own_sides",
    "percent",
    "position",
    "public_trade",
    "venue_order_id",
]

HOUR_NS: Final = 3_600 * 10**9


def percent(text: str) -> Decimal:
    """Return a rate that is told in percent."""
    return number(text).scaleb(-2)


def next_hour_ns(at_ns: int) -> int:
    """Return when funding is settled next."""
    return (at_ns // HOUR_NS + 1) * HOUR_NS


def public_trade(row: wire.Trade, instrument: Instrument, received_ns: int) -> Trade:
    """Return a trade of anybody's."""
    ticks, lots = counters(instrument)
    return Trade(
        instrument=instrument.key,
        trade_id=str(row.trade_id),
        ticks=ticks(row.price),
        lots=lots(row.size),
        taker=Side.BUY if row.is_maker_ask else Side.SELL,
        venue_ns=row.at_ns,
        received_ns=received_ns,
    )


def own_sides(row: wire.Trade, account_index: int | None) -> list[Side]:
    """Return on which sides of a trade the account was."""
    return [
        side
        for side, index in ((Side.SELL, row.ask_account_id), (Side.BUY, row.bid_account_id))
        if index == account_index
    ]


def venue_order_id(row: wire.Trade, side: Side) -> str | None:
    """Return the venue's name for our order behind a trade."""
    index = row.ask_id if side is Side.SELL else row.bid_id
    return str(index) if index else None


def fill(row: wire.Trade, side: Side, instrument: Instrument) -> Fill:
    """Return our side of a trade."""
    ticks, lots = counters(instrument)
    maker = row.is_maker_ask == (side is Side.SELL)
    millionths = (row.maker_fee if maker else row.taker_fee) or 0
    fee = product(millionths, number(row.usd_amount)).scaleb(-6)
    return Fill(
        trade_id=str(row.trade_id),
        side=side,
        ticks=ticks(row.price),
        lots=lots(row.size),
        fee=Money.of(fee, instrument.quote),
        maker=maker,
        venue_ns=row.at_ns,
    )


def position(row: wire.Position, instrument: Instrument, account: str, received_ns: int) -> PositionReport:
    """Return what is held of a contract; the venue's numbers have no sign of their own."""
    _, lots = counters(instrument)
    held = lots(row.position) * (-1 if row.sign < 0 else 1)
    return PositionReport(
        account=account,
        instrument=instrument.key,
        lots=held,
        entry_price=_price(row.avg_entry_price) if held else None,
        liquidation_price=_price(row.liquidation_price) if held else None,
        received_ns=received_ns,
    )


def margin_terms(row: wire.Position, instrument: Instrument) -> dict[str, MarginTerms]:
    """Return leverage and margin mode, where they are told: as a percentage, or as a fraction by the socket."""
    if not row.initial_margin_fraction:
        return {}
    told = number(row.initial_margin_fraction)
    fraction = int(told.scaleb(4 if told < 1 else 2))
    return {instrument.key: MarginTerms(fraction, row.margin_mode == 1)} if fraction > 0 else {}


def balance(row: wire.Asset, account: str, venue_ns: int | None, received_ns: int) -> BalanceReport:
    """Return what there is of an asset: for spot, and as collateral for contracts."""
    spot, margin = Money.of(row.balance, row.symbol), Money.of(row.margin_balance, row.symbol)
    return BalanceReport(
        account=account,
        total=spot + margin,
        held=Money.of(row.locked_balance, row.symbol),
        venue_ns=venue_ns,
        received_ns=received_ns,
    )


def _price(text: str) -> Decimal | None:
    value = number(text) if text else None
    return value or None


def by_trade_id(row: wire.Trade) -> int:
    """Sort trades by this: ids rise with time."""
    return row.trade_id
