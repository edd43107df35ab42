"""How well it traded: mark-outs after the fills, the fate of the orders, the wait for an answer.

Like the charts over time, each function returns what the page's scripts draw, with a `summary` in words, or `empty`.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from xtrade.research.recording import MARK_OUT_SECONDS, REFUSED
from xtrade.research.report.figures import count, percent, signed, span
from xtrade.research.report.lines import Chart
from xtrade.research.report.run import Choice, Columns, Run

__all__ = ["FATES", "fates", "latency", "mark_outs", "order_kinds", "weighted_mean"]

FATES: Final = ("filled", "partly", "canceled", "expired", "refused", "open")
"""What can become of an order; `partly` traded something and was then canceled or expired."""

_BARS_ABOUT: Final = 30


def mark_outs(run: Run, choice: Choice) -> Chart:
    """What the market did after our fills: distributions, and means by side and by who waited."""
    fills = choice.of(run.fills)
    if not len(fills["side"]):
        return {"empty": "No fills, so nothing to look back at."}
    columns = [np.asarray(fills[f"markout_{seconds}s_bps"], np.float64) for seconds in MARK_OUT_SECONDS]
    if not any(np.isfinite(column).any() for column in columns):
        return {"empty": "The data ended, or had no mid, before a second had passed after any fill."}
    groups = [("All fills", np.ones(len(fills["side"]), bool))]
    for side, sides in (("buy", "Buys"), ("sell", "Sells")):
        for maker, role in ((1, "maker"), (0, "taker"), (-1, "not told which")):
            groups.append((f"{sides}, {role}", (fills["side"] == side) & (fills["maker"] == maker)))
    weights = np.asarray(fills["value"], np.float64)
    means = [weighted_mean(column, weights)[0] for column in columns]
    return {
        "horizons": [
            _horizon(seconds, column, weights)
            for seconds, column in zip(MARK_OUT_SECONDS, columns, strict=True)
        ],
        "rows": [
            {
                "who": who,
                "count": int(rows.sum()),
                "mean": [_rounded(weighted_mean(column[rows], weights[rows])[0]) for column in columns],
                "error": [_rounded(weighted_mean(column[rows], weights[rows])[1]) for column in columns],
            }
            for who, rows in groups
            if rows.any()
        ],
        "summary": "On average, in basis points of the traded value: "
        + ", ".join(
            f"{signed(mean, digits=3)} after {seconds} s"
            for seconds, mean in zip(MARK_OUT_SECONDS, means, strict=True)
            if mean is not None
        )
        + ".",
        "note": "How far the mid had moved in our favour: a buyer gains when it rises. Means are weighted by value;"
        " ± is twice the standard error: a mean nearer to zero than that may be chance. The outermost bars also hold"
        " what lies beyond them.",
    }


def order_kinds(run: Run, choice: Choice) -> Chart:
    """What became of the orders, kind by kind."""
    orders = choice.of(run.orders)
    if not len(orders["status"]):
        return {"empty": "No orders were placed."}
    kinds = _kinds(orders)
    became = fates(orders)
    executed, lots = orders["executed_lots"].astype(np.float64), orders["lots"].astype(np.float64)
    rows = []
    for kind in sorted(set(kinds.tolist()), key=lambda name: (-int((kinds == name).sum()), name)):
        of_kind = kinds == kind
        rows.append(
            {
                "kind": kind,
                "placed": int(of_kind.sum()),
                "fates": [int((became[of_kind] == fate).sum()) for fate in FATES],
                "ratio": _rounded(float((executed[of_kind] > 0).mean())),
                # Lots of different instruments cannot be added: each order counts with its own share.
                # An order of nothing was refused, and nothing of it was filled.
                "volume": _rounded(float((executed[of_kind] / np.maximum(lots[of_kind], 1)).mean())),
            }
        )
    traded = int((executed > 0).sum())
    held_back = int((orders["status"] == REFUSED).sum())
    sent = len(became) - held_back
    summary = f"{count(sent)} orders were sent, {count(traded)} of them traded"
    summary += f" ({percent(traded / sent)})." if sent else "."
    if held_back:
        summary += f" {count(held_back)} more were held back by risk rules."
    return {
        "rows": rows,
        "summary": summary,
        "note": "Traded: the share of the orders of which anything was filled. Quantity filled: the share of an order's"
        " quantity that was filled, averaged over the orders. Refused: by a risk rule or by the venue.",
    }


def latency(run: Run, choice: Choice) -> Chart:
    """How long it took from the decision until we heard that the venue has the order."""
    orders = choice.of(run.orders)
    waits = (orders["accepted_ns"] - orders["decided_ns"])[orders["accepted_ns"] >= 0]
    if not len(waits):
        return {"empty": "No order was acknowledged."}
    if not waits.any():
        return {
            "empty": "Every order was acknowledged at the moment of its decision: no latency was assumed."
        }
    if waits.min() == waits.max():
        return {"empty": f"Every order was acknowledged {span(int(waits[0]))} after its decision."}
    ms = np.sort(waits) / 1e6
    half, most, worst = (float(np.quantile(ms, share, method="higher")) for share in (0.5, 0.99, 1.0))
    low, high = float(ms[0]), float(ms[-1])
    wide = low > 0 and high / low > 30
    edges = np.geomspace(low, high, _BARS_ABOUT + 1) if wide else _edges(low, high)
    counts, _ = np.histogram(np.clip(ms, edges[0], edges[-1]), edges)
    return {
        "edges": _short(edges),
        "counts": counts.tolist(),
        "log": wide,
        "unit": "milliseconds" + (", logarithmic" if wide else ""),
        "mark": _rounded(half),
        "summary": f"Half of {count(len(ms))} orders were acknowledged within {span(half * 1e6)}, 99 % within"
        f" {span(most * 1e6)}, the slowest after {span(worst * 1e6)}.",
    }


def weighted_mean(
    values: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[float | None, float | None]:
    """Return the mean and twice its standard error, of what is known, where there is enough to have them."""
    known = np.isfinite(values)
    values, weights = values[known], weights[known]
    total = float(weights.sum())
    if not total:
        return None, None
    mean = float((values * weights).sum()) / total
    count_ = len(values)
    if count_ < 2:
        return mean, None
    spread = float((((values - mean) * weights) ** 2).sum()) * count_ / (count_ - 1)
    return mean, 2 * spread**0.5 / total


def fates(orders: Columns) -> NDArray[Any]:
    """Return what became of each order, one of FATES."""
    status, executed = orders["status"], orders["executed_lots"]
    over = np.isin(status, ("canceled", "expired"))
    became = np.full(len(status), "open", dtype=object)
    for fate in ("filled", "canceled", "expired"):
        became[status == fate] = fate
    became[np.isin(status, ("rejected", "refused"))] = "refused"
    became[over & (executed > 0)] = "partly"
    return became


def _kinds(orders: Columns) -> NDArray[Any]:
    """Name each order's kind: its type, and what was asked of it beyond the ordinary."""
    names = []
    for type_, tif, post_only, reduce_only in zip(
        orders["type"].tolist(),
        orders["time_in_force"].tolist(),
        orders["post_only"].tolist(),
        orders["reduce_only"].tolist(),
        strict=True,
    ):
        words = [type_.replace("_", " ")]
        if post_only:
            words.append("post-only")
        if tif != "gtc" and type_ != "market":
            words.append(tif.upper())
        if reduce_only:
            words.append("reduce-only")
        names.append(", ".join(words))
    return np.array(names, dtype=object)


def _horizon(seconds: int, values: NDArray[np.float64], weights: NDArray[np.float64]) -> Chart:
    known = values[np.isfinite(values)]
    name = f"After {seconds} s"
    if not len(known):
        return {"name": name, "empty": f"The data ended within {seconds} s of every fill."}
    low, high = (float(edge) for edge in np.quantile(known, (0.01, 0.99)))
    edges = _edges(min(low, 0.0), max(high, 0.0))
    counts, _ = np.histogram(np.clip(known, edges[0], edges[-1]), edges)
    mean, _ = weighted_mean(values, weights)
    good = float((known > 0).mean())
    return {
        "name": name,
        "edges": _short(edges),
        "counts": counts.tolist(),
        "mark": _rounded(mean),
        "summary": f"Mark-outs after {seconds} s of {count(len(known))} fills: mean {signed(mean, digits=3)} basis"
        f" points, {percent(good)} of them good for us.",
    }


def _edges(low: float, high: float) -> NDArray[np.float64]:
    """Return the edges of about thirty bars of a round width; zero is always an edge if it lies between."""
    width = (high - low) / _BARS_ABOUT or max(abs(high), 1.0) / _BARS_ABOUT
    power = 10.0 ** np.floor(np.log10(width))
    step = next(digit * power for digit in (1, 2, 2.5, 5, 10) if digit * power >= width * 0.999)
    first, last = np.floor(low / step + 1e-9), np.ceil(high / step - 1e-9)
    return np.asarray(np.arange(first, max(last, first + 1) + 1) * step)


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.6g}")


def _short(values: NDArray[np.float64]) -> list[float]:
    return [float(f"{value:.6g}") for value in values.tolist()]
