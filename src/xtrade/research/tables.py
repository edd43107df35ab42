"""The rows of a recording and the columns of its accounts as the tables of a result folder.

tables    every table of `TABLES`, as columns of numbers, words and None
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, TypeAlias

import numpy as np

from xtrade.model.instruments import Instrument, Kind
from xtrade.research.accounting import Accounts
from xtrade.research.marks import mids_at_fills, mids_later, scaled
from xtrade.research.recording import MARK_OUT_SECONDS, TABLES, FillRow, Recording
from xtrade.research.round_trips import round_trips

__all__ = ["Columns", "tables"]

Columns: TypeAlias = dict[str, Sequence[Any] | np.ndarray[Any, Any]]
"""Columns by name; NaN and None are both unknown."""

_SECOND: Final = 1_000_000_000


def tables(recording: Recording, accounts: Accounts) -> dict[str, Columns]:
    """Return every table of a result, with all columns of `TABLES`."""
    made: dict[str, Columns] = {
        "orders": _orders(recording),
        "fills": _fills(recording),
        "positions": _positions(accounts),
        "equity": {"time_ns": accounts.times_ns, **accounts.columns},
        "funding": _funding(recording),
        "round_trips": _round_trips(accounts),
    }
    return {name: {column.name: made[name][column.name] for column in TABLES[name]} for name in TABLES}


def _orders(recording: Recording) -> Columns:
    rows = recording.orders
    markets = [recording.instrument(row.instrument, row.instrument_version) for row in rows]
    columns: Columns = {
        name: [getattr(row, name) for row in rows]
        for name in (
            "client_order_id",
            "strategy",
            "instrument",
            "post_only",
            "reduce_only",
            "ticks",
            "lots",
            "decided_ns",
            "accepted_ns",
            "ended_ns",
            "executed_lots",
            "reason",
        )
    }
    for name in ("side", "type", "time_in_force", "status"):
        columns[name] = [str(getattr(row, name)) for row in rows]
    columns["price"] = scaled([np.nan if row.ticks is None else row.ticks for row in rows], _ticks(markets))
    columns["quantity"] = scaled([row.lots for row in rows], _lots(markets))
    traded = _average_prices(recording)
    columns["average_price"] = [traded.get((row.strategy, row.client_order_id)) for row in rows]
    return columns


def _average_prices(recording: Recording) -> dict[tuple[str, int], float]:
    """Return what each order paid on average (in the plain mean of its prices, weighted by quantity)."""
    lots: dict[tuple[str, int], float] = defaultdict(float)
    paid: dict[tuple[str, int], float] = defaultdict(float)
    for row in recording.fills:
        market = recording.instrument(row.instrument, row.instrument_version)
        quantity = row.fill.lots * float(market.lot)
        lots[row.strategy, row.client_order_id] += quantity
        paid[row.strategy, row.client_order_id] += quantity * row.fill.ticks * float(market.tick)
    return {order: paid[order] / lots[order] for order in lots}


def _fills(recording: Recording) -> Columns:
    rows = recording.fills
    markets = [recording.instrument(row.instrument, row.instrument_version) for row in rows]
    fills = [row.fill for row in rows]
    prices = scaled([fill.ticks for fill in fills], _ticks(markets))
    columns: Columns = {
        "trade_id": [fill.trade_id for fill in fills],
        "client_order_id": [row.client_order_id for row in rows],
        "strategy": [row.strategy for row in rows],
        "instrument": [row.instrument for row in rows],
        "side": [fill.side.value for fill in fills],
        "ticks": [fill.ticks for fill in fills],
        "lots": [fill.lots for fill in fills],
        "price": prices,
        "quantity": scaled([fill.lots for fill in fills], _lots(markets)),
        "fee": [None if fill.fee is None else float(fill.fee.amount) for fill in fills],
        "fee_currency": [None if fill.fee is None else fill.fee.currency for fill in fills],
        "maker": [fill.maker for fill in fills],
        "venue_ns": [row.venue_ns for row in rows],
        "received_ns": [row.received_ns for row in rows],
    }
    faces = np.asarray(columns["quantity"]) * [float(market.multiplier) for market in markets]
    # A contract of an inverse market is worth its face in quote currency, at any price.
    values = np.where([market.kind is Kind.INVERSE for market in markets], faces, faces * prices)
    columns["value"] = values
    columns["mid_at_fill"] = _by_instrument(rows, lambda key, some: mids_at_fills(recording, key, some))
    signs = np.array([fill.side.sign for fill in fills], float)
    for seconds in MARK_OUT_SECONDS:
        mids = _by_instrument(
            rows, lambda key, some, after=seconds * _SECOND: mids_later(recording, key, some, after)
        )
        gained = signs * (mids - prices) / prices
        columns[f"mid_{seconds}s"] = mids
        columns[f"markout_{seconds}s"] = gained * values
        columns[f"markout_{seconds}s_bps"] = gained * 10_000
    return columns


def _by_instrument(rows: Sequence[FillRow], of: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Ask for a column once for each instrument, and put the answers back in the order of the rows."""
    places: dict[str, list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        places[row.instrument].append(place)
    column = np.full(len(rows), np.nan)
    for key, some in places.items():
        column[some] = of(key, [rows[place] for place in some])
    return column


def _positions(accounts: Accounts) -> Columns:
    parts: list[Mapping[str, Any]] = [ledger.rows for ledger in accounts.ledgers]
    lengths = [len(part["time_ns"]) for part in parts]
    names = [column.name for column in TABLES["positions"]]
    columns: Columns = {
        "strategy": [
            ledger.strategy
            for ledger, length in zip(accounts.ledgers, lengths, strict=True)
            for _ in range(length)
        ],
        "instrument": [
            ledger.instrument
            for ledger, length in zip(accounts.ledgers, lengths, strict=True)
            for _ in range(length)
        ],
    }
    for name in names:
        if name not in columns:
            columns[name] = np.concatenate([part[name] for part in parts]) if parts else []
    return columns


def _funding(recording: Recording) -> Columns:
    rows = recording.funding
    return {
        "time_ns": [row.time_ns for row in rows],
        "strategy": [row.strategy for row in rows],
        "instrument": [row.instrument for row in rows],
        "amount": [float(row.amount.amount) for row in rows],
        "currency": [row.amount.currency for row in rows],
        "rate": [None if row.rate is None else float(row.rate) for row in rows],
        "lots": [row.lots for row in rows],
    }


def _round_trips(accounts: Accounts) -> Columns:
    trips = [trip for ledger in accounts.ledgers for trip in round_trips(ledger)]
    trips.sort(key=lambda trip: trip.closed_ns)
    return {column.name: [getattr(trip, column.name) for trip in trips] for column in TABLES["round_trips"]}


def _ticks(markets: Sequence[Instrument]) -> list[Decimal]:
    return [market.tick for market in markets]


def _lots(markets: Sequence[Instrument]) -> list[Decimal]:
    return [market.lot for market in markets]
