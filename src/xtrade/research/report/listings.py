"""The tables of a report: trades from flat to flat, fills, and the orders that were refused.

A file that a browser opens at once cannot hold a million rows: the first ROWS_MAX are embedded, and the page says how
many there are.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from msgspec import Struct

from xtrade.research.recording import REFUSED
from xtrade.research.report.run import Columns, Run

__all__ = ["ROWS_MAX", "Refusal", "fills", "refusals", "trips"]

ROWS_MAX: Final = 1000

_TRIP_COLUMNS: Final = (
    "closed_ns",
    "strategy",
    "instrument",
    "side",
    "opened_ns",
    "lots",
    "fills",
    "profit",
    "fees",
    "funding",
    "net",
)
_FILL_COLUMNS: Final = (
    "venue_ns",
    "strategy",
    "instrument",
    "side",
    "maker",
    "price",
    "quantity",
    "value",
    "fee",
    "fee_currency",
    "markout_1s_bps",
    "markout_60s_bps",
    "client_order_id",
)


class Refusal(Struct, frozen=True, kw_only=True):
    """Orders that one rule, or the venue for one reason, did not let through."""

    by: str
    rule: str
    strategy: str
    instrument: str
    times: int
    example: str


def trips(run: Run) -> dict[str, Any]:
    """The trades in a trader's sense of the word: from flat to flat."""
    columns = [
        {"name": "Closed, UTC", "kind": "moment"},
        {"name": "Strategy", "kind": "words"},
        {"name": "Instrument", "kind": "words"},
        {"name": "Side", "kind": "words"},
        {"name": "Held for", "kind": "span"},
        {"name": "Most held", "kind": "number", "digits": 4},
        {"name": "Fills", "kind": "number"},
        {"name": "Profit", "kind": "signed", "digits": 4},
        {"name": "Fees", "kind": "signed", "digits": 4},
        {"name": "Funding", "kind": "signed", "digits": 4},
        {"name": f"Net, {run.currency}", "kind": "signed", "digits": 4},
    ]
    rows = [
        [
            closed // 1_000_000,
            strategy,
            instrument,
            side,
            (closed - opened) / 1e6,
            _short(lots * run.by_key[instrument].lot),
            fills,
            # What was paid has the sign that it has in the account.
            *map(_short, (profit, -fees, funding, net)),
        ]
        for closed, strategy, instrument, side, opened, lots, fills, profit, fees, funding, net in _first(
            run.trips, _TRIP_COLUMNS
        )
    ]
    return _table(columns, rows, len(run.trips["side"]), "No position was opened and closed again.")


def fills(run: Run) -> dict[str, Any]:
    """Every fill with what it cost and what the market did after it."""
    columns = [
        {"name": "Time, UTC", "kind": "moment"},
        {"name": "Strategy", "kind": "words"},
        {"name": "Instrument", "kind": "words"},
        {"name": "Side", "kind": "words"},
        {"name": "Role", "kind": "words"},
        {"name": "Price", "kind": "number", "digits": 8},
        {"name": "Quantity", "kind": "number", "digits": 4},
        {"name": "Value, quote", "kind": "number", "digits": 6},
        {"name": "Fee", "kind": "signed", "digits": 4},
        {"name": "Fee in", "kind": "words"},
        {"name": "After 1 s, bps", "kind": "signed", "digits": 3},
        {"name": "After 60 s, bps", "kind": "signed", "digits": 3},
        {"name": "Order", "kind": "words"},
    ]
    roles = {1: "maker", 0: "taker", -1: "not told"}
    rows = [
        [
            when // 1_000_000,
            strategy,
            instrument,
            side,
            roles[maker],
            _short(price, 10),
            _short(quantity, 10),
            _short(value),
            _short(-fee),
            currency,
            _short(soon, 4),
            _short(later, 4),
            str(order),
        ]
        for when, strategy, instrument, side, maker, price, quantity, value, fee, currency, soon, later, order in (
            _first(run.fills, _FILL_COLUMNS)
        )
    ]
    return _table(columns, rows, len(run.fills["side"]), "No fills.")


def refusals(run: Run) -> list[Refusal]:
    """The refused orders, grouped by who refused them and why: most frequent first, the first of each as example."""
    orders = run.orders
    refused = np.flatnonzero(np.isin(orders["status"], (REFUSED, "rejected")))
    groups: dict[tuple[str, str, str, str], list[str]] = {}
    for at in refused.tolist():
        by = "risk rule" if orders["status"][at] == REFUSED else "venue"
        reason = orders["reason"][at]
        rule, colon, rest = reason.partition(":")
        name = rule if colon else reason or "no reason told"
        groups.setdefault((by, name, orders["strategy"][at], orders["instrument"][at]), []).append(
            rest.strip()
        )
    found = [
        Refusal(
            by=by, rule=rule, strategy=strategy, instrument=instrument, times=len(reasons), example=reasons[0]
        )
        for (by, rule, strategy, instrument), reasons in groups.items()
    ]
    return sorted(found, key=lambda group: (-group.times, group.rule, group.strategy, group.instrument))


def _first(table: Columns, names: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Return the first rows of a table, with the columns asked for."""
    return zip(*(table[name][:ROWS_MAX].tolist() for name in names), strict=True)


def _table(columns: Sequence[Any], rows: Sequence[Any], total: int, empty: str) -> dict[str, Any]:
    return {"columns": columns, "rows": rows, "total": total, "empty": empty}


def _short(value: float, digits: int = 6) -> float | int | None:
    if math.isnan(value):
        return None
    short = float(f"{value:.{digits}g}")
    return int(short) if short == int(short) and abs(short) < 1e15 else short
