"""The figures above everything: the verdict as a sentence and as tiles, and the metrics as lines.

written    a metric's value as people read it, by its unit
lines      every metric with its definition
tiles      the few that decide whether one reads on
verdict    the same in a sentence
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from xtrade.research.metrics import METRICS, Metric
from xtrade.research.report.figures import MISSING, amount, count, moment, money, percent, signed, span
from xtrade.research.report.quality import weighted_mean
from xtrade.research.report.run import Run

__all__ = ["Figure", "Line", "lines", "tiles", "verdict", "whole_titles", "written"]


class Figure(Struct, frozen=True, kw_only=True):
    """One tile: a figure, its unit, and a word beneath it; `tone` is "gain", "loss" or nothing."""

    title: str
    text: str
    unit: str = ""
    more: str = ""
    tone: str = ""


class Line(Struct, frozen=True, kw_only=True):
    """One metric for people: its value as text, or why it could not be had, and what it means."""

    name: str
    title: str
    text: str
    means: str
    missing: str = ""


def written(metric: Metric | None) -> str:
    """Write the value of a metric with its unit."""
    if metric is None or metric.value is None:
        return MISSING
    value = metric.value
    match metric.unit:
        case "fraction":
            return percent(value)
        case "count":
            return count(int(value))
        case "number":
            return amount(value, digits=3)
        case "times":
            return f"{amount(value, digits=3)} ×"
        case "seconds":
            return span(value * 1e9)
        case "ms":
            return span(value * 1e6)
        case "ns":
            return moment(int(value))
        case "bps":
            return signed(value, "bps", digits=3)
        case "ticks":
            return signed(value, "ticks", digits=3)
        case currency:
            return money(value, currency)


def lines(metrics: Mapping[str, Metric]) -> list[Line]:
    """Return every metric that is defined, in the order of its definition."""
    found: list[Line] = []
    titles = whole_titles({name: definition.title for name, definition in METRICS.items()})
    for name, definition in METRICS.items():
        metric = metrics.get(name)
        missing = "This result does not have it" if metric is None else ""
        if metric is not None and metric.value is None:
            missing = metric.why or "Not known"
        means = definition.means
        if metric is not None and metric.value is not None and metric.why:
            means = f"{means} {_sentence(metric.why)}"
        found.append(
            Line(
                name=name,
                title=titles[name],
                text=written(metric),
                means=means,
                missing=_sentence(missing).rstrip("."),
            )
        )
    return found


def whole_titles(titles: Mapping[str, str]) -> dict[str, str]:
    """Return titles that can be read alone: "… its length" goes on with the title before it."""
    found, whole = {}, ""
    for name, title in titles.items():
        part = title.startswith("… ")
        whole = whole if part else title
        found[name] = f"{whole}: {title[2:]}" if part else title
    return found


def tiles(run: Run) -> list[Figure]:
    """Return the figures that decide whether one reads on."""
    metrics = run.metrics
    net = _value(metrics, "net_profit")
    won = _value(metrics, "return")
    sharpe, error = _value(metrics, "sharpe"), _value(metrics, "sharpe_error")
    low_s = _value(metrics, "max_drawdown_s")
    fills = len(run.fills["side"])
    trips = _value(metrics, "round_trips")
    return [
        Figure(
            title="Net profit, all costs paid",
            text=money(net, run.currency, plus=True, unit=False),
            unit=run.currency,
            more=f"on {money(run.capital, run.currency)}",
            tone=_tone(net),
        ),
        Figure(
            title="Return",
            text=percent(won, plus=True),
            tone=_tone(won),
            more=f"in {span(run.end_ns - run.start_ns)}",
        ),
        Figure(
            title="Sharpe, a year",
            text=amount(sharpe, digits=3),
            more=f"± {amount(2 * error, digits=2)}"
            if error is not None and sharpe is not None
            else _why(metrics, "sharpe"),
        ),
        Figure(
            title="Largest drawdown",
            text=percent(_value(metrics, "max_drawdown")),
            more=f"lasted {span(low_s * 1e9)}" if low_s else "",
        ),
        Figure(
            title="Fills",
            text=count(fills),
            more=f"{count(int(trips))} round trips" if trips is not None else "",
        ),
        Figure(title="Maker share", text=percent(_value(metrics, "maker_share")), more="of the traded value"),
        Figure(
            title="Turnover",
            text=written(metrics.get("turnover")),
            more=_rounded_money(_value(metrics, "traded_value"), run.currency) + " traded",
        ),
    ]


def verdict(run: Run) -> str:
    """Return what came of it in a sentence or two, in plain words."""
    if not len(run.fills["side"]):
        return "It traded nothing, so there is nothing to judge but the orders and the market."
    equity = run.equity["equity"]
    net = float(equity[-1]) - run.capital if len(equity) else None
    verb = "made" if net is not None and net >= 0 else "lost"
    parts = {
        "spread": _value(run.metrics, "spread"),
        "inventory": _value(run.metrics, "inventory"),
        "fees": _minus(_value(run.metrics, "fees")),
        "funding": _value(run.metrics, "funding"),
    }
    known = {name: value for name, value in parts.items() if value is not None and value}
    sentence = f"It {verb} {money(abs(net or 0.0), run.currency)} in {span(run.end_ns - run.start_ns)}"
    if not known:
        return sentence + "."
    most = max(known, key=lambda name: abs(known[name]))
    told = ", ".join(
        f"{name} {money(value, run.currency, plus=True, unit=False)}" for name, value in known.items()
    )
    return f"{sentence}: {told}. What counted most was {_WORDS[most]}{_doubt(run)}."


_WORDS = {
    "spread": "the spread its fills earned against the mid",
    "inventory": "the price while it held something",
    "fees": "the fees",
    "funding": "the funding",
}


def _doubt(run: Run) -> str:
    """Say whether the mark-outs, a minute on, have taken the spread back."""
    fills = run.fills
    mean, error = weighted_mean(fills["markout_60s_bps"], fills["value"])
    if mean is None or error is None:
        return ""
    if abs(mean) < error:
        return "; a minute after a fill the market was, within chance, where the fill was made"
    side = "for" if mean > 0 else "against"
    return f"; a minute after a fill the market stood {amount(abs(mean), digits=2)} bps {side} it"


def _value(metrics: Mapping[str, Metric], name: str) -> float | None:
    metric = metrics.get(name)
    return None if metric is None else metric.value


def _why(metrics: Mapping[str, Metric], name: str) -> str:
    metric = metrics.get(name)
    return "" if metric is None or metric.value is not None else metric.why.rpartition(": ")[2]


def _minus(value: float | None) -> float | None:
    return None if value is None else -value


def _rounded_money(value: float | None, currency: str) -> str:
    """Without cents where nobody would miss them, so that it fits below a figure."""
    return money(value if value is None or abs(value) < 10_000 else round(value), currency)


def _tone(value: float | None) -> str:
    return "" if not value else "gain" if value > 0 else "loss"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + ("." if text else "")
