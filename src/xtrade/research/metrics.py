"""The figures of a run: what each means, and how it is measured.

METRICS     the definitions, in the order in which they are shown; docs/metrics.md explains each with an example
Metric      a figure with its unit, or why there is none
measured    a recording, its accounts and tables -> every metric by name
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import numpy as np
from msgspec import Struct

from xtrade.model.instruments import Kind
from xtrade.model.money import ATOMS_PER_UNIT
from xtrade.model.order_state import OrderStatus
from xtrade.research import curve
from xtrade.research.accounting import Accounts
from xtrade.research.curve import Drawdown, Returns, TooLittle
from xtrade.research.marks import Rates, fill_values
from xtrade.research.recording import MARK_OUT_SECONDS, REFUSED, Prices, Recording
from xtrade.research.tables import Columns

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["METRICS", "Definition", "Metric", "measured"]


class Metric(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One figure. `value` is None where it cannot be had, and `why` then says so; otherwise `why` may add a word.

    Units: a currency, "fraction", "number", "count", "seconds", "ms", "ns" (a time, UTC), "bps", "ticks", "times".
    """

    value: float | None
    unit: str
    why: str = ""


class Definition(NamedTuple):
    """What a metric means, in a sentence; `better` is "higher", "lower" or, where neither is, empty.

    The unit "money" is the report currency.
    """

    title: str
    unit: str
    better: str
    means: str


METRICS: Final[Mapping[str, Definition]] = {
    "net_profit": Definition("Net profit", "money", "higher", "Equity at the end less the capital."),
    "return": Definition("Return", "fraction", "higher", "Net profit over the capital."),
    "cagr": Definition(
        "Annualised return", "fraction", "higher", "The return, compounded to a year of 365 days."
    ),
    "volatility": Definition("Volatility", "fraction", "lower", "Standard deviation of returns, for a year."),
    "sharpe": Definition(
        "Sharpe", "number", "higher", "Mean of returns over their standard deviation, for a year."
    ),
    "sharpe_error": Definition(
        "Sharpe's error", "number", "", "Its standard error: two of these either way is no news."
    ),
    "sortino": Definition(
        "Sortino", "number", "higher", "Mean of returns over their downside deviation, for a year."
    ),
    "t_statistic": Definition(
        "t of the mean", "number", "higher", "Mean of returns over its standard error."
    ),
    "calmar": Definition("Calmar", "number", "higher", "Annualised return over the largest drawdown."),
    "max_drawdown": Definition(
        "Largest drawdown", "fraction", "lower", "The deepest fall of equity from a height."
    ),
    "max_drawdown_s": Definition(
        "… its length", "seconds", "lower", "From that height until it was made good, or the end."
    ),
    "max_drawdown_start_ns": Definition("… from", "ns", "", "When equity was at that height."),
    "max_drawdown_low_ns": Definition("… lowest at", "ns", "", "When equity was at its lowest after it."),
    "longest_drawdown_s": Definition(
        "Longest drawdown", "seconds", "lower", "The longest time below an earlier height."
    ),
    "spread": Definition("Spread", "money", "higher", "What fills earned against the mid they met."),
    "inventory": Definition("Inventory", "money", "higher", "What the mid earned while something was held."),
    "fees": Definition("Fees", "money", "lower", "Paid; negative is rebates received."),
    "funding": Definition("Funding", "money", "higher", "Received; negative is paid."),
    "fills": Definition("Fills", "count", "", "How many."),
    "traded_value": Definition("Traded value", "money", "", "What all fills were worth."),
    "turnover": Definition("Turnover", "times", "", "Traded value over the capital."),
    "net_bps": Definition("Net profit per value", "bps", "higher", "Net profit over the traded value."),
    "net_ticks": Definition(
        "Net profit per lot", "ticks", "higher", "Net profit of each traded lot, in ticks."
    ),
    "maker_share": Definition(
        "Maker share", "fraction", "higher", "How much of the traded value our orders had waited for."
    ),
    "orders": Definition("Orders sent", "count", "", "How many reached the venue."),
    "refused": Definition("Refused by rules", "count", "lower", "Orders that the risk gate did not let out."),
    "rejected": Definition("Rejected", "count", "lower", "Orders that the venue did not take."),
    "fill_ratio": Definition(
        "Fill ratio", "fraction", "", "How many of the orders sent have traded, in whole or in part."
    ),
    "orders_per_fill": Definition("Orders per fill", "number", "lower", "Orders sent over fills."),
    "ack_ms": Definition("Time to accept", "ms", "lower", "Median time from decision to the venue's word."),
    "round_trips": Definition("Round trips", "count", "", "Trades from flat to flat that ended."),
    "hit_rate": Definition(
        "Hit rate", "fraction", "higher", "How many of the round trips earned something, net."
    ),
    "profit_factor": Definition(
        "Profit factor",
        "number",
        "higher",
        "What winning round trips earned over what losing ones lost, net.",
    ),
    "round_trip_net": Definition("Net per round trip", "money", "higher", "Mean net profit of a round trip."),
    "round_trip_s": Definition(
        "Round trip's length", "seconds", "", "Median time from its first fill to its last."
    ),
    "exposure": Definition(
        "Time in the market", "fraction", "", "Share of the time in which something was held."
    ),
    "gross_mean": Definition("Mean exposure", "money", "", "Gross exposure over time, on average."),
    "gross_max": Definition("Largest exposure", "money", "", "Gross exposure at its largest."),
    **{
        f"markout_{seconds}s_bps": Definition(
            f"Mark-out {seconds} s",
            "bps",
            "higher",
            f"What fills had earned {seconds} s later over their value: the mid then against their price.",
        )
        for seconds in MARK_OUT_SECONDS
    },
}
"""Every metric by name."""

Figure: TypeAlias = float | tuple[float, str]
"""A value, or a value with a word on it; a TooLittle is raised where there is none."""


def measured(recording: Recording, accounts: Accounts, tables: Mapping[str, Columns]) -> dict[str, Metric]:
    """Measure everything. `tables` are those that `xtrade.research.tables` makes of the same recording."""
    run = _Run(recording, accounts, tables)
    return {name: _metric(name, run) for name in METRICS}


def _metric(name: str, run: _Run) -> Metric:
    unit = METRICS[name].unit
    if unit == "money":
        unit = run.recording.capital.currency
    try:
        found = _HOW[name](run)
    except TooLittle as reason:
        return Metric(value=None, unit=unit, why=str(reason))
    value, why = found if isinstance(found, tuple) else (found, "")
    return Metric(value=float(value), unit=unit, why=why)


class _Run:
    """What several metrics look at."""

    def __init__(self, recording: Recording, accounts: Accounts, tables: Mapping[str, Columns]) -> None:
        self.recording = recording
        self.accounts = accounts
        self.times = accounts.times_ns
        self.equity = accounts.columns["equity"]
        self.capital = float(recording.capital.amount)
        self.net = float(self.equity[-1]) - self.capital
        self.span_ns = int(self.times[-1] - self.times[0])
        self.values = fill_values(recording, Rates(recording))
        self.makers = np.array([row.fill.maker is True for row in recording.fills], bool)
        self.known_makers = np.array([row.fill.maker is not None for row in recording.fills], bool)
        self.sent = [row for row in recording.orders if row.status != REFUSED]
        self.trips = np.array(tables["round_trips"]["net"], float)
        self.trip_lengths = np.subtract(
            tables["round_trips"]["closed_ns"], tables["round_trips"]["opened_ns"]
        )
        self.fills = tables["fills"]
        self.mids = np.asarray(self.fills["mid_at_fill"], float)

    @cached_property
    def returns(self) -> Returns:
        return curve.returns(self.times, self.equity)

    @cached_property
    def deepest(self) -> Drawdown | None:
        return curve.deepest(self.times, self.equity)

    def cagr(self) -> float:
        return curve.yearly(self.net / self.capital, self.span_ns)

    def ratio(self, of: Callable[[Returns], float]) -> Figure:
        """A ratio of returns, with the grid it was taken from."""
        found = self.returns
        return of(found), f"from {len(found.values)} returns, one each {found.grid}"

    def last(self, part: str) -> float:
        return float(self.accounts.columns[part][-1])


def _net_profit(run: _Run) -> Figure:
    lost = np.nonzero(run.equity <= 0)[0]
    if len(lost):
        at = datetime.fromtimestamp(int(run.times[lost[0]]) / 1e9, UTC)
        return (
            run.net,
            f"the whole capital was lost by {at:%Y-%m-%d %H:%M:%S}: a venue would have closed everything",
        )
    unpriced = [each for each in run.accounts.ledgers if each.lots[-1] and np.isnan(each.sampled["mark"][-1])]
    return (
        run.net,
        f"{unpriced[0].instrument} has no price: what is held of it counts at its cost" if unpriced else "",
    )


def _left_out(which: NDArray[np.bool_], why: str) -> str:
    """Say how many fills a figure knows nothing of."""
    return f"{int(which.sum())} of {len(which)} fills {why}" if which.any() else ""


def _calmar(run: _Run) -> Figure:
    growth = run.cagr()
    if run.deepest is None:
        raise TooLittle("equity never fell")
    return growth / run.deepest.depth


def _drawdown_s(run: _Run) -> Figure:
    if run.deepest is None:
        return 0.0
    end = run.deepest.end_ns
    if end is None:
        return (int(run.times[-1]) - run.deepest.start_ns) / 1e9, "not made good by the end"
    return (end - run.deepest.start_ns) / 1e9


def _drawdown_ns(run: _Run, at: Callable[[Drawdown], int]) -> Figure:
    if run.deepest is None:
        raise TooLittle("equity never fell")
    return at(run.deepest)


def _share(part: float, whole: float, why: str) -> float:
    if not whole:
        raise TooLittle(why)
    return float(part / whole)


def _net_ticks(run: _Run) -> Figure:
    markets = {(row.instrument, row.instrument_version) for row in run.recording.fills}
    if len(markets) != 1:
        raise TooLittle(_NO_FILLS if not markets else "ticks of several instruments do not add up")
    market = run.recording.instrument(*markets.pop())
    if market.kind is Kind.INVERSE:
        raise TooLittle("a tick of an inverse contract is worth more the lower the price")
    lots = sum(row.fill.lots for row in run.recording.fills)
    tick = market.value(ticks=1, lots=1) / ATOMS_PER_UNIT
    rate = float(Rates(run.recording).at(market.settle, run.times[-1:])[0])
    return run.net / (lots * tick * rate)


def _profit_factor(run: _Run) -> Figure:
    lost = -float(run.trips[run.trips < 0].sum())
    if not lost:
        raise TooLittle("no round trip lost anything" if len(run.trips) else _NO_TRIPS)
    return float(run.trips[run.trips > 0].sum()) / lost


def _ack_ms(run: _Run) -> Figure:
    waits = [row.accepted_ns - row.decided_ns for row in run.sent if row.accepted_ns is not None]
    if not waits:
        raise TooLittle("no order was accepted")
    return float(np.median(waits)) / 1e6


def _of_trips(run: _Run, of: Callable[[Prices], Any]) -> Figure:
    if not len(run.trips):
        raise TooLittle(_NO_TRIPS)
    return float(of(run.trips))


def _exposure(run: _Run) -> Figure:
    """Count the time in which any ledger holds something, booking by booking."""
    if not run.span_ns:
        raise TooLittle("the run took no time")
    ledgers = run.accounts.ledgers
    if not ledgers:
        return 0.0
    when = np.concatenate([ledger.booked_ns for ledger in ledgers])
    changes = [np.diff((ledger.lots != 0).astype(np.int64), prepend=0) for ledger in ledgers]
    order = np.argsort(when, kind="stable")
    holding = np.cumsum(np.concatenate(changes)[order]) > 0
    lasted = np.diff(np.append(when[order], run.times[-1]))
    return float(lasted[holding].sum() / run.span_ns)


def _gross_mean(run: _Run) -> Figure:
    if not run.span_ns:
        raise TooLittle("the run took no time")
    gross = run.accounts.columns["gross_exposure"]
    return float((gross[:-1] * np.diff(run.times)).sum() / run.span_ns)


def _mark_out(run: _Run, seconds: int) -> Figure:
    points = np.asarray(run.fills[f"markout_{seconds}s_bps"], float)
    told = np.isfinite(points)
    if not told.any():
        raise TooLittle(
            f"no sample tells what became of a fill {seconds} s later" if len(points) else _NO_FILLS
        )
    mean = float((points[told] * run.values[told]).sum() / run.values[told].sum())
    return mean, _left_out(~told, "are left out: no sample tells")


_NO_FILLS: Final = "nothing was traded"
_NO_TRIPS: Final = "no round trip ended"
_NO_ORDERS: Final = "no order was sent"

_HOW: Final[Mapping[str, Callable[[_Run], Figure]]] = {
    "net_profit": _net_profit,
    "return": lambda run: run.net / run.capital,
    "cagr": lambda run: run.cagr(),
    "volatility": lambda run: run.ratio(curve.volatility),
    "sharpe": lambda run: run.ratio(curve.sharpe),
    "sharpe_error": lambda run: run.ratio(curve.sharpe_error),
    "sortino": lambda run: run.ratio(curve.sortino),
    "t_statistic": lambda run: run.ratio(curve.t_statistic),
    "calmar": _calmar,
    "max_drawdown": lambda run: 0.0 if run.deepest is None else run.deepest.depth,
    "max_drawdown_s": _drawdown_s,
    "max_drawdown_start_ns": lambda run: _drawdown_ns(run, lambda fall: fall.start_ns),
    "max_drawdown_low_ns": lambda run: _drawdown_ns(run, lambda fall: fall.low_ns),
    "longest_drawdown_s": lambda run: curve.longest_ns(run.times, run.equity) / 1e9,
    "spread": lambda run: (
        run.last("spread"),
        _left_out(np.isnan(run.mids), "met a mid that nobody knows, and count as made at it"),
    ),
    "inventory": lambda run: run.last("inventory"),
    "fees": lambda run: (
        run.last("fees"),
        _left_out(np.array([row.fill.fee is None for row in run.recording.fills]), "never told their fee"),
    ),
    "funding": lambda run: run.last("funding"),
    "fills": lambda run: len(run.recording.fills),
    "traded_value": lambda run: float(run.values.sum()),
    "turnover": lambda run: float(run.values.sum()) / run.capital,
    "net_bps": lambda run: _share(run.net * 10_000, run.values.sum(), _NO_FILLS),
    "net_ticks": _net_ticks,
    "maker_share": lambda run: _share(
        run.values[run.makers].sum(), run.values[run.known_makers].sum(), "no fill is known as maker or taker"
    ),
    "orders": lambda run: len(run.sent),
    "refused": lambda run: len(run.recording.orders) - len(run.sent),
    "rejected": lambda run: sum(row.status == OrderStatus.REJECTED for row in run.sent),
    "fill_ratio": lambda run: _share(
        sum(row.executed_lots > 0 for row in run.sent), len(run.sent), _NO_ORDERS
    ),
    "orders_per_fill": lambda run: _share(len(run.sent), len(run.recording.fills), _NO_FILLS),
    "ack_ms": _ack_ms,
    "round_trips": lambda run: len(run.trips),
    "hit_rate": lambda run: _of_trips(run, lambda net: (net > 0).mean()),
    "profit_factor": _profit_factor,
    "round_trip_net": lambda run: _of_trips(run, np.mean),
    "round_trip_s": lambda run: _of_trips(run, lambda _: np.median(run.trip_lengths) / 1e9),
    "exposure": _exposure,
    "gross_mean": _gross_mean,
    "gross_max": lambda run: float(run.accounts.columns["gross_exposure"].max()),
    "markout_1s_bps": lambda run: _mark_out(run, 1),
    "markout_10s_bps": lambda run: _mark_out(run, 10),
    "markout_60s_bps": lambda run: _mark_out(run, 60),
}
