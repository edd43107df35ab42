"""The other end of Lighter's wire: its rows of JSON, made of what is on the floor."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

from xtrade.model.events import BookDelta, BookSnapshot, Funding, MarkPrice, Trade
from xtrade.model.fills import Fill
from xtrade.model.instruments import Instrument, Kind
from xtrade.model.levels import Levels
from xtrade.model.money import Money
from xtrade.model.numbers import plain, product
from xtrade.model.order_state import OrderStatus
from xtrade.model.orders import TimeInForce
from xtrade.model.positions import Position
from xtrade.model.sides import Side
from xtrade.venues.box.floor import Slip

__all__ = [
    "ASSET_IDS",
    "asset_row",
    "book_row",
    "by_market",
    "client_index",
    "is_told",
    "market_id",
    "market_row",
    "order_index",
    "order_number",
    "order_row",
    "own_trade_row",
    "position_row",
    "stats_row",
    "status_word",
    "trade_id",
    "trade_row",
]

ASSET_IDS: Final[Mapping[str, int]] = {"ETH": 1, "BTC": 2, "USDC": 3, "SOL": 4, "DOGE": 5}

ASK_INDEX_MIN: Final = 2**48
BID_INDEX_MAX: Final = 2**49 - 1

_US_NS: Final = 1_000
_MS_NS: Final = 1_000_000
_HOUR_NS: Final = 3_600 * 10**9
# Everybody else's accounts.
_ASKER, _BIDDER = 281474976640000, 281474976640001
_TYPE_WORDS: Final[Mapping[str, str]] = {
    "0": "limit",
    "1": "market",
    "2": "stop-loss",
    "3": "stop-loss-limit",
    "4": "take-profit",
    "5": "take-profit-limit",
}
_IMMEDIATE_MARKET: Final = frozenset({"market", "stop-loss", "take-profit"})


def market_id(instrument: Instrument) -> int:
    """Return the venue's number of a market."""
    return int(instrument.native)


def price(ticks: int | None, instrument: Instrument) -> str:
    """Write a price with all the digits of its grid."""
    return format(product(ticks or 0, instrument.tick), "f")


def size(lots: int, instrument: Instrument) -> str:
    """Write a quantity with all the digits of its grid."""
    return format(product(lots, instrument.lot), "f")


def dollars(amount: Decimal) -> str:
    """Write an amount of USDC."""
    return f"{amount:.6f}"


def percent(rate: Decimal) -> str:
    """Write a rate in percent."""
    return f"{rate.scaleb(2):.4f}"


# -- markets ------------------------------------------------------------------------------------------------------


def market_row(
    instrument: Instrument, last: Trade | None, mark: MarkPrice | None, *, short: bool
) -> dict[str, Any]:
    """Return a market as it is listed."""
    contract = instrument.kind is not Kind.SPOT
    size_places, price_places = places(instrument.lot), places(instrument.tick)
    row: dict[str, Any] = {
        "symbol": instrument.base if contract else instrument.symbol,
        "market_id": market_id(instrument),
        "market_type": "perp" if contract else "spot",
        "base_asset_id": 0 if contract else ASSET_IDS[instrument.base],
        "quote_asset_id": 0 if contract else ASSET_IDS[instrument.quote],
        "status": "active",
        "taker_fee": percent(instrument.taker_fee),
        "maker_fee": percent(instrument.maker_fee),
        "liquidation_fee": "1.0000" if contract else "0.0000",
        "min_base_amount": size(instrument.min_lots, instrument),
        "min_quote_amount": dollars(instrument.min_notional),
        "order_quote_limit": "281474976.710655",
        "supported_size_decimals": size_places,
        "supported_price_decimals": price_places,
        "supported_quote_decimals": 6,
        "is_taker_fee_enabled": True,
        "is_maker_fee_enabled": True,
    }
    if short:
        return row
    last_price = float(instrument.price(last.ticks)) if last else float(mark.mark) if mark else 0.0
    row |= {
        "size_decimals": size_places,
        "price_decimals": price_places,
        "last_trade_price": last_price,
        "daily_trades_count": 0,
        "daily_base_token_volume": 0.0,
        "daily_quote_token_volume": 0.0,
        "daily_price_low": last_price,
        "daily_price_high": last_price,
        "daily_price_change": 0.0,
        "daily_chart": {},
        "created_at": "0",
        "multiplier": "1",
        "start_timestamp": 0,
        "end_timestamp": 0,
        "settlement_type": 0,
    }
    if contract:
        row |= _contract_part(mark)
    return row


def _contract_part(mark: MarkPrice | None) -> dict[str, Any]:
    return {
        "quote_multiplier": 1,
        "default_initial_margin_fraction": 500,
        "min_initial_margin_fraction": 500,
        "maintenance_margin_fraction": 100,
        "closeout_margin_fraction": 80,
        "open_interest": 0.0,
        "market_config": {
            "market_margin_mode": 0,
            "insurance_fund_account_index": 281474976710655,
            "liquidation_mode": 0,
            "force_reduce_only": False,
            "trading_hours": "",
            "funding_fee_discounts_enabled": False,
            "hidden": False,
            "rfq_enabled": False,
        },
        "strategy_index": 0,
        "funding_clamp_small": "0.0500",
        "funding_clamp_big": "4.0000",
        "base_interest_rate": "0.0100",
        "mark_price": "0" if mark is None else format(mark.mark, "f"),
        "index_price": "0" if mark is None or mark.index is None else format(mark.index, "f"),
        "market_flags": 0,
        "funding_premium_multiplier": 1,
        "settlement_price": 0,
        "settlement_cap": 0,
        "outcome": 0,
        "default_price": 0,
        "operator_account_index": 0,
        "is_frozen": False,
    }


def places(step: Decimal) -> int:
    """Return how many digits after the point a grid has."""
    exponent = step.as_tuple().exponent
    assert isinstance(exponent, int)
    return max(0, -exponent)


def book_row(event: BookSnapshot | BookDelta, instrument: Instrument) -> dict[str, Any]:
    """Return a book, or what changed in it."""
    before = event.previous_sequence if isinstance(event, BookDelta) else 0
    return {
        "code": 0,
        "asks": _levels(event.asks, instrument),
        "bids": _levels(event.bids, instrument),
        "offset": event.sequence or 0,
        "nonce": event.sequence or 0,
        "last_updated_at": (event.venue_ns or 0) // _US_NS,
        "begin_nonce": before or 0,
    }


def _levels(levels: Levels, instrument: Instrument) -> list[dict[str, str]]:
    return [{"price": price(ticks, instrument), "size": size(lots, instrument)} for ticks, lots in levels]


def stats_row(
    instrument: Instrument, last: Trade | None, mark: MarkPrice | None, funding: Funding | None
) -> dict[str, Any]:
    """Return a market in figures."""
    row: dict[str, Any] = {
        "symbol": instrument.base if instrument.kind is not Kind.SPOT else instrument.symbol,
        "market_id": market_id(instrument),
        "last_trade_price": price(last.ticks if last else 0, instrument),
        "mid_price": price(last.ticks if last else 0, instrument),
        "daily_base_token_volume": 0.0,
        "daily_quote_token_volume": 0.0,
        "daily_price_low": 0.0,
        "daily_price_high": 0.0,
        "daily_price_change": 0.0,
    }
    if mark is not None:
        row |= {
            "mark_price": format(mark.mark, "f"),
            "index_price": format(mark.index if mark.index is not None else mark.mark, "f"),
        }
    if instrument.kind is not Kind.SPOT:
        rate = Decimal(0) if funding is None else funding.rate
        next_ns = 0 if funding is None or funding.next_ns is None else funding.next_ns
        row |= {
            "open_interest": "0.000000",
            "open_interest_limit": "72057594037927936.000000",
            "funding_clamp_small": "0.0500",
            "funding_clamp_big": "4.0000",
            "base_interest_rate": "0.0100",
            "current_funding_rate": format(rate.scaleb(2), "f"),
            "funding_rate": format(rate.scaleb(2), "f"),
            "funding_timestamp": max(0, next_ns - _HOUR_NS) // _MS_NS,
        }
    return row


# -- trades -------------------------------------------------------------------------------------------------------


def trade_id(text: str, instrument: Instrument) -> int:
    """Return a trade's number: the floor counts by market, the venue over all of them."""
    return int(text) * 10_000 + market_id(instrument)


def trade_row(event: Trade, instrument: Instrument) -> dict[str, Any]:
    """Return a trade as everybody sees it."""
    return _trade(
        trade_id(event.trade_id, instrument),
        instrument,
        ticks=event.ticks,
        lots=event.lots,
        is_maker_ask=event.taker is Side.BUY,
        at_ns=event.venue_ns or 0,
    )


def own_trade_row(fill: Fill, slip: Slip, account_index: int) -> dict[str, Any]:
    """Return a trade as the account behind one side of it sees it."""
    row = _trade(
        trade_id(fill.trade_id, slip.instrument),
        slip.instrument,
        ticks=fill.ticks,
        lots=fill.lots,
        is_maker_ask=(fill.side is Side.SELL) == (fill.maker is True),
        at_ns=fill.venue_ns or 0,
    )
    own = "ask" if fill.side is Side.SELL else "bid"
    row |= {
        f"{own}_id": order_index(slip),
        f"{own}_id_str": str(order_index(slip)),
        f"{own}_client_id": client_index(slip),
        f"{own}_client_id_str": slip.text or "0",
        f"{own}_account_id": account_index,
    }
    return row


def _trade(
    number: int, instrument: Instrument, *, ticks: int, lots: int, is_maker_ask: bool, at_ns: int
) -> dict[str, Any]:
    worth = instrument.notional(ticks=ticks, lots=lots)
    return {
        "trade_id": number,
        "trade_id_str": str(number),
        "tx_hash": f"{number:016x}",
        "type": "trade",
        "market_id": market_id(instrument),
        "size": size(lots, instrument),
        "price": price(ticks, instrument),
        "usd_amount": dollars(worth.amount),
        "ask_id": ASK_INDEX_MIN,
        "ask_id_str": str(ASK_INDEX_MIN),
        "bid_id": BID_INDEX_MAX,
        "bid_id_str": str(BID_INDEX_MAX),
        "ask_client_id": 0,
        "ask_client_id_str": "0",
        "bid_client_id": 0,
        "bid_client_id_str": "0",
        "ask_account_id": _ASKER,
        "bid_account_id": _BIDDER,
        "is_maker_ask": is_maker_ask,
        "block_height": number,
        "timestamp": at_ns // _MS_NS,
        "transaction_time": at_ns // _US_NS,
        "taker_fee": int(instrument.taker_fee.scaleb(6)),
        "maker_fee": int(instrument.maker_fee.scaleb(6)),
        "taker_position_size_before": "0",
        "taker_entry_quote_before": "0",
        "taker_initial_margin_fraction_before": 500,
        "taker_position_sign_changed": False,
        "maker_position_size_before": "0",
        "maker_entry_quote_before": "0",
        "maker_initial_margin_fraction_before": 500,
        "maker_position_sign_changed": False,
        "bid_account_pnl": "0",
        "ask_account_pnl": "0",
        "integrator_maker_fee": 0,
        "integrator_maker_fee_collector_index": 0,
        "integrator_taker_fee": 0,
        "integrator_taker_fee_collector_index": 0,
        "taker_allocated_margin_usdc_before": 0,
        "taker_allocated_margin_usdc_after": 0,
        "maker_allocated_margin_usdc_before": 0,
        "maker_allocated_margin_usdc_after": 0,
    }


# -- orders -------------------------------------------------------------------------------------------------------


def order_index(slip: Slip) -> int:
    """Return the venue's number of an order: asks count up, bids count down."""
    if slip.intent.side is Side.SELL:
        return ASK_INDEX_MIN + slip.number
    return BID_INDEX_MAX - slip.number


def order_number(index: int) -> int:
    """Return the floor's number of the order that the venue numbers so; below 1 for none."""
    middle = (ASK_INDEX_MIN + BID_INDEX_MAX) // 2
    return index - ASK_INDEX_MIN if index <= middle else BID_INDEX_MAX - index


def client_index(slip: Slip) -> int:
    """Return the client's number of an order; 0 for none."""
    return int(slip.text or "0")


# What an order met that the venue took and then ended: these are no errors of the request.
_ENDED_AT_ONCE: Final[Mapping[str, str]] = {
    "post_only": "canceled-post-only",
    "reduce_only": "canceled-reduce-only",
    "insufficient_margin": "canceled-margin-not-allowed",
    "insufficient_funds": "canceled-invalid-balance",
    "self_trade": "canceled-self-trade",
    "gtd": "canceled-expired",
    "liquidation": "canceled-liquidation",
}


def is_told(slip: Slip) -> bool:
    """Whether anybody hears of an order: not of one whose request was refused."""
    if slip.status is not OrderStatus.REJECTED:
        return True
    waits = slip.intent.time_in_force is not TimeInForce.IOC
    return slip.code in _ENDED_AT_ONCE and not (waits and slip.code.startswith("insufficient"))


def status_word(slip: Slip) -> str:
    """Return the venue's word for where an order stands."""
    if slip.is_open:
        return "pending" if slip.extra.get("sleeps") else "open"
    if slip.status is OrderStatus.FILLED:
        return "filled"
    word = _ENDED_AT_ONCE.get(slip.code or slip.reason)
    if word is None and slip.status is OrderStatus.EXPIRED and type_word(slip) in _IMMEDIATE_MARKET:
        word = "canceled-too-much-slippage"
    return word or "canceled"


def type_word(slip: Slip) -> str:
    """Return the venue's word for the type of an order."""
    return _TYPE_WORDS[slip.extra.get("type", "0")]


def time_in_force_word(slip: Slip) -> str:
    """Return the venue's word for how long an order waits."""
    if slip.intent.post_only:
        return "post-only"
    return "immediate-or-cancel" if slip.intent.time_in_force is TimeInForce.IOC else "good-till-time"


def order_row(slip: Slip, account_index: int) -> dict[str, Any]:
    """Return an order."""
    instrument, index, client = slip.instrument, order_index(slip), slip.text or "0"
    trigger = slip.intent.trigger
    worth = instrument.value(ticks=1, lots=1) * slip.filled_value
    updated_ms = slip.updated_ns // _MS_NS
    return {
        "order_index": index,
        "client_order_index": int(client),
        "order_id": str(index),
        "client_order_id": client,
        "market_index": market_id(instrument),
        "owner_account_index": account_index,
        "initial_base_amount": size(slip.lots, instrument),
        "price": price(slip.ticks, instrument),
        "nonce": slip.updated_ns // _US_NS,
        "remaining_base_amount": size(max(0, slip.lots - slip.filled_lots), instrument),
        "is_ask": slip.intent.side is Side.SELL,
        "base_size": slip.lots,
        "base_price": slip.ticks or 0,
        "filled_base_amount": size(slip.filled_lots, instrument),
        "filled_quote_amount": dollars(Money(worth, instrument.quote).amount),
        "side": "sell" if slip.intent.side is Side.SELL else "buy",
        "type": type_word(slip),
        "time_in_force": time_in_force_word(slip),
        "reduce_only": slip.intent.reduce_only,
        "trigger_price": price(trigger.ticks if trigger else 0, instrument),
        "order_expiry": (slip.intent.expires_ns or 0) // _MS_NS,
        "status": status_word(slip),
        "trigger_status": "mark-price" if slip.extra.get("sleeps") else "na",
        "trigger_time": 0,
        "parent_order_index": 0,
        "parent_order_id": "0",
        "to_trigger_order_id_0": "0",
        "to_trigger_order_id_1": "0",
        "to_cancel_order_id_0": "0",
        "integrator_fee_collector_index": "0",
        "integrator_taker_fee": "0",
        "integrator_maker_fee": "0",
        "block_height": slip.number,
        "timestamp": slip.created_ns // _MS_NS,
        "created_at": slip.created_ns // _MS_NS,
        "updated_at": updated_ms,
        "transaction_time": slip.updated_ns // _US_NS,
        "order_flags": 0,
        "order_version": int(slip.extra.get("version", "0")),
        "market_symbol": instrument.base,
        "market_kind": "spot" if instrument.kind is Kind.SPOT else "perp",
    }


# -- the account --------------------------------------------------------------------------------------------------


def position_row(
    position: Position,
    instrument: Instrument,
    *,
    mark: Decimal | None,
    liquidation: Decimal | None,
    terms: tuple[int, bool],
    open_orders: int,
) -> dict[str, Any]:
    """Return a position; `terms` are the initial margin in ten-thousandths, and whether it is isolated."""
    entry = position.entry_price(instrument) if position.lots else None
    value = Decimal(0) if mark is None else abs(instrument.quantity(position.lots)) * mark
    unrealised = position.unrealised(instrument, mark).amount if mark and position.lots else Decimal(0)
    return {
        "market_id": market_id(instrument),
        "symbol": instrument.base,
        "initial_margin_fraction": f"{Decimal(terms[0]).scaleb(-2):.2f}",
        "open_order_count": open_orders,
        "pending_order_count": 0,
        "position_tied_order_count": 0,
        "sign": -1 if position.lots < 0 else 1,
        "position": size(abs(position.lots), instrument),
        "avg_entry_price": "0" if entry is None else f"{entry:.8f}",
        "position_value": dollars(value),
        "unrealized_pnl": dollars(unrealised),
        "realized_pnl": dollars(position.realised.amount),
        "liquidation_price": "0" if liquidation is None else f"{liquidation:.8f}",
        "total_funding_paid_out": "0.000000",
        "margin_mode": int(terms[1]),
        "allocated_margin": "0.000000",
        "total_discount": "0.000000",
        "margin_set_flag": 0,
    }


def asset_row(total: Money, held: Money) -> dict[str, Any]:
    """Return what there is of an asset."""
    return {
        "symbol": total.currency,
        "asset_id": ASSET_IDS[total.currency],
        "balance": plain(total.amount),
        "locked_balance": plain(held.amount),
        "margin_mode": "enabled" if total.currency == "USDC" else "disabled",
        "margin_balance": "0.000000",
        "multiplier": "1",
    }


def by_market(rows: Iterable[dict[str, Any]], name: str) -> dict[str, list[dict[str, Any]]]:
    """Sort rows by their market, as the account's channels have them."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(str(row[name]), []).append(row)
    return found
