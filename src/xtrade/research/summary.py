"""A result in a few lines: rows for a terminal, and a small table with a curve for a notebook.

summary_of    (title, figure) rows, written for people
written       one metric as people write it
html_of       the same rows and the equity curve as HTML
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING, Final

from xtrade.research.metrics import METRICS, Metric

if TYPE_CHECKING:
    from xtrade.research.recording import Prices

__all__ = ["html_of", "summary_of", "written"]

_SHOWN: Final = (
    "net_profit",
    "return",
    "cagr",
    "sharpe",
    "sortino",
    "t_statistic",
    "max_drawdown",
    "max_drawdown_s",
    "spread",
    "inventory",
    "fees",
    "funding",
    "fills",
    "maker_share",
    "turnover",
    "orders",
    "refused",
    "rejected",
    "round_trips",
    "hit_rate",
    "profit_factor",
    "markout_10s_bps",
)
_POINTS: Final = 300


def summary_of(metrics: Mapping[str, Metric]) -> list[tuple[str, str]]:
    """Return the main figures with their titles; one that cannot be had says why."""
    return [(METRICS[name].title, _with_error(name, metrics)) for name in _SHOWN if name in metrics]


def written(metric: Metric) -> str:
    """Write a metric as people do: 12.3 %, 1 234.50 USDT, 3 min 20 s; a dash and the reason where there is none."""
    value = metric.value
    if value is None:
        return f"– ({metric.why})"
    match metric.unit:
        case "fraction":
            return f"{_grouped(value * 100, 2)} %"
        case "count":
            return _grouped(value, 0)
        case "number":
            return _grouped(value, 2)
        case "times":
            return f"{_grouped(value, 2)} ×"
        case "seconds":
            return _lasted(value)
        case "ns":
            return datetime.fromtimestamp(value / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S")
        case unit:
            return f"{_grouped(value, 2)} {unit}"


def html_of(name: str, rows: Sequence[tuple[str, str]], equity: Prices) -> str:
    """Return the rows and the equity curve as HTML that needs nothing else."""
    cells = "".join(
        f"<tr><th style='text-align:left'>{escape(title)}</th><td style='text-align:right'>{escape(figure)}</td></tr>"
        for title, figure in rows
    )
    return f"<div><strong>{escape(name)}</strong>{_sparkline(equity)}<table>{cells}</table></div>"


def _with_error(name: str, metrics: Mapping[str, Metric]) -> str:
    text = written(metrics[name])
    error = metrics["sharpe_error"].value if name == "sharpe" and "sharpe_error" in metrics else None
    return text if error is None else f"{text} ± {_grouped(error, 2)}"


def _grouped(value: float, digits: int) -> str:
    """Write a number with thin gaps between thousands; a loss has a real minus sign, and zero has none."""
    text = f"{value:,.{digits}f}".replace(",", "\u202f")
    if not any(digit in text for digit in "123456789"):
        text = text.lstrip("-")
    return text.replace("-", "\u2212")


def _lasted(seconds: float) -> str:
    for unit, size, lower, lower_size in (
        ("d", 86_400, "h", 3_600),
        ("h", 3_600, "min", 60),
        ("min", 60, "s", 1),
    ):
        if seconds >= size:
            whole, rest = divmod(seconds, size)
            return f"{whole:.0f} {unit} {rest // lower_size:.0f} {lower}"
    return f"{seconds:.3g} s"


def _sparkline(equity: Prices) -> str:
    """Draw equity as a line, each point the last of its share of the samples."""
    step = -(-len(equity) // _POINTS)
    heights = [float(height) for height in equity[::step]]
    low, high = min(heights), max(heights)
    spread = (high - low) or 1.0
    width = max(len(heights) - 1, 1)
    points = " ".join(
        f"{300 * at / width:.1f},{38 - 36 * (height - low) / spread:.1f}" for at, height in enumerate(heights)
    )
    return (
        "<svg viewBox='0 0 300 40' width='300' height='40' role='img' aria-label='equity over time'>"
        f"<polyline points='{points}' fill='none' stroke='currentColor' stroke-width='1.2'/></svg>"
    )
