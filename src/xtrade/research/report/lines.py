"""What is drawn over time: money, its parts, what was held, prices with our fills.

Each function returns one chart as the page's scripts read it: times in milliseconds since the start, values, a
`summary` in words for those who do not see the picture, a `note` on what was left out; or, when there is nothing to
draw, `empty`: a sentence that says why.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from xtrade.research.recording import MARK_OUT_SECONDS
from xtrade.research.report.figures import amount, count, money as money_of, percent, span
from xtrade.research.report.run import Choice, Columns, Market, Run
from xtrade.research.report.thinning import kept_rows

__all__ = ["Chart", "compact", "inventory", "money", "price", "split"]

Chart: TypeAlias = dict[str, Any]

_PARTS = ("spread", "inventory", "fees", "funding")
_MARKETS_MAX = 6
_SECOND = 1_000_000_000


def money(run: Run, choice: Choice, rows_max: int) -> Chart:
    """How the money grew, and how far it was below its best: all of it, or what a choice earned."""
    if choice == Choice():
        times, value = run.equity["time_ns"], run.equity["equity"]
        below = -100 * run.equity["drawdown"]
        name, unit = "Equity", "%"
    else:
        times, (realised, unrealised, fees, funding) = run.over_time(
            choice, ("realised", "unrealised", "fees", "funding")
        )
        value = realised + unrealised - fees + funding
        below = value - np.maximum.accumulate(np.maximum(value, 0.0))
        name, unit = "Profit", run.currency
    if len(times) < 2:
        return {"empty": "The run has no samples of its equity: it ended before anything was priced."}
    kept = kept_rows((value, below), rows_max)
    worst = int(np.argmin(below))
    fell = percent(-below[worst] / 100) if unit == "%" else money_of(float(-below[worst]), run.currency)
    dip = (
        f"Furthest below its best: {fell}, {span(int(times[worst]) - run.start_ns)} after the start."
        if below[worst] < 0
        else "It was never below its best."
    )
    gained = float(value[-1] - (run.capital if name == "Equity" else 0.0))
    began = (
        f"{name} went from {money_of(run.capital, run.currency)} to "
        if name == "Equity"
        else "Profit came to "
    )
    return {
        "x": run.offsets_ms(times[kept]),
        "value": compact(value[kept]),
        "drawdown": compact(below[kept]),
        "name": name,
        "unit": run.currency,
        "drawdownUnit": unit,
        "summary": f"{began}{money_of(float(value[-1]), run.currency)}"
        + (f" ({money_of(gained, run.currency, plus=True)}). " if name == "Equity" else ". ")
        + dip,
        "note": drawn_note(len(kept), len(times), "samples"),
    }


def split(run: Run, choice: Choice, rows_max: int) -> Chart:
    """Where the profit came from: what fills earned against the mid, what holding earned, fees, funding."""
    if choice == Choice():
        times = run.equity["time_ns"]
        parts = [np.asarray(run.equity[name], np.float64) for name in _PARTS]
    else:
        times, parts = run.over_time(choice, _PARTS)
    if not choice.rows(run.fills).any():
        return {"empty": "Nothing was traded, so there is no profit to take apart."}
    # Fees are paid: on this chart what one loses points down.
    parts[2] = -parts[2]
    lines = [*parts, np.sum(parts, axis=0)]
    kept = kept_rows(lines, rows_max)
    ends = [money_of(float(line[-1]), run.currency, plus=True, unit=line is lines[-1]) for line in lines]
    spread, holding, fees, funding, total = ends
    return {
        "x": run.offsets_ms(times[kept]),
        "lines": [compact(line[kept]) for line in lines],
        "summary": f"Spread {spread}, inventory {holding}, fees {fees}, funding {funding}: together {total}.",
        "note": _also(
            "Spread is what fills earned against the mid they met; inventory is what the mid earned while something"
            " was held.",
            drawn_note(len(kept), len(times), "samples"),
        ),
    }


def inventory(run: Run, choice: Choice, rows_max: int) -> Chart:
    """What was held: each instrument in its own unit, and for the whole run what all of it was worth."""
    held = [
        market
        for market in run.markets
        if choice.instrument in {None, market.key}
        and Choice(choice.strategy, market.key).rows(run.positions).any()
    ]
    if not held:
        return {"empty": "Nothing was held at any time."}
    shown = held[:_MARKETS_MAX]
    rows_each = rows_max // (len(shown) + 1)
    charts, said, cut = [], [], 0
    for market in shown:
        times, (quantity,) = run.over_time(Choice(choice.strategy, market.key), ("quantity",))
        changed = _changes(quantity)
        times, quantity = times[changed], quantity[changed]
        kept = kept_rows((quantity,), rows_each)
        cut += len(times) - len(kept)
        charts.append(
            {
                "name": market.key,
                "unit": market.unit,
                "x": run.offsets_ms(times[kept]),
                "lines": [{"name": "Held", "y": compact(quantity[kept], decimals=10)}],
            }
        )
        low, high, end = float(quantity.min()), float(quantity.max()), float(quantity[-1])
        said.append(
            f"{market.key}: from {amount(low)} to {amount(high, market.unit)}, {amount(end, market.unit)} at the end."
        )
    if choice == Choice() and len(run.equity["time_ns"]) > 1:
        exposures = (run.equity["gross_exposure"], run.equity["net_exposure"])
        kept = kept_rows(exposures, rows_each)
        charts.append(
            {
                "name": "All of it, at the mid",
                "unit": run.currency,
                "x": run.offsets_ms(run.equity["time_ns"][kept]),
                "lines": [
                    {"name": name, "y": compact(column[kept])}
                    for name, column in zip(("Gross", "Net"), exposures, strict=True)
                ],
            }
        )
        said.append(f"At most {money_of(float(exposures[0].max()), run.currency)} was at stake.")
    return {
        "charts": charts,
        "summary": " ".join(said),
        "note": _also(
            f"{count(len(shown))} of {count(len(held))} markets are drawn: choose one to see another."
            if len(shown) < len(held)
            else "",
            f"{count(cut)} changes too close together to be seen are left out." if cut else "",
        ),
    }


def price(run: Run, market: Market, rows_max: int, fills_max: int) -> Chart:
    """The market and our fills in it, of all strategies."""
    fills = Choice(None, market.key).of(run.fills)
    times, mids = _mids(run, market, fills)
    count_all = len(fills["ticks"])
    kept_fills = np.unique(np.linspace(0, count_all - 1, min(count_all, fills_max)).round().astype(np.int64))
    decimals = max(0, -int(np.floor(np.log10(market.tick) + 1e-9))) + 1
    chosen = {name: column[kept_fills] for name, column in fills.items()}
    place = {name: at for at, name in enumerate(run.strategies)}
    drawn: Chart = {
        "key": market.key,
        "unit": market.unit,
        "priceUnit": market.price_unit,
        "fills": {
            "x": run.offsets_ms(chosen["venue_ns"]),
            "price": compact(chosen["price"], decimals=decimals + 2),
            "side": [1 if side == "buy" else -1 for side in chosen["side"]],
            "maker": [int(maker) for maker in chosen["maker"]],
            "quantity": compact(chosen["quantity"], decimals=10),
            "strategy": [place[name] for name in chosen["strategy"]],
        },
    }
    if len(times) < 2:
        return drawn | {
            "empty": f"{market.key} had no price that the result kept: nothing was held or traded there."
        }
    kept = kept_rows((mids,), rows_max)
    buys = int((fills["side"] == "buy").sum())
    last = mids[np.isfinite(mids)]
    return drawn | {
        "x": run.offsets_ms(times[kept]),
        "mid": compact(mids[kept], decimals=decimals),
        "summary": f"{market.key}: {count(buys)} buys and {count(count_all - buys)} sells while the mid went from"
        f" {amount(float(last[0]), digits=7)} to {amount(float(last[-1]), market.price_unit, digits=7)}.",
        "note": _also(
            drawn_note(len(kept), len(times), "prices"),
            f"{count(len(kept_fills))} of {count(count_all)} fills are drawn, evenly chosen."
            if len(kept_fills) < count_all
            else "",
        ),
    }


def compact(values: NDArray[Any], *, decimals: int | None = None) -> list[float | int | None]:
    """Return numbers as short as a chart can tell apart: rounded to a millionth of what the column spans."""
    numbers = np.asarray(values, np.float64)
    known = numbers[np.isfinite(numbers)]
    if decimals is None:
        width = float(known.max() - known.min()) if len(known) else 0.0
        width = width or (float(np.abs(known).max()) if len(known) else 0.0)
        decimals = 6 if width == 0 else int(np.clip(6 - np.floor(np.log10(width)), 0, 12))
    return [
        None if math.isnan(number) else int(number) if number == int(number) else number
        for number in np.round(numbers, decimals).tolist()
    ]


def drawn_note(drawn: int, all_of_them: int, what: str) -> str:
    """Say that a chart does not show every point, and which it does show; nothing if it shows all."""
    if drawn >= all_of_them:
        return ""
    return (
        f"{count(drawn)} of {count(all_of_them)} {what} are drawn: of each short stretch the first, the last, the"
        " lowest and the highest."
    )


def _also(*sentences: str) -> str:
    return " ".join(sentence for sentence in sentences if sentence)


def _changes(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return where a stepped line has its corners, its two ends included."""
    kept = np.ones(len(values), bool)
    kept[1:-1] = np.diff(values)[:-1] != 0
    return kept


def _mids(run: Run, market: Market, fills: Columns) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return every mid that the result kept of a market: where positions were marked, and what fills looked at.

    What a fill met is the mid just before it: beside a mark of the same moment it would draw a needle, so it only
    stands where no mark is near.
    """
    marked = Choice(None, market.key).of(run.positions)
    known = np.isfinite(marked["mark_price"])
    times, first = np.unique(marked["time_ns"][known], return_index=True)
    mids = marked["mark_price"][known][first]
    looks = {0: "mid_at_fill"} | {seconds: f"mid_{seconds}s" for seconds in MARK_OUT_SECONDS}
    more = np.concatenate([fills["venue_ns"] + seconds * _SECOND for seconds in looks])
    values = np.concatenate([fills[name] for name in looks.values()])
    alone = np.isfinite(values) & (more >= run.start_ns) & (more <= run.end_ns)
    if len(times):
        after = np.searchsorted(times, more)
        nearest = np.minimum(
            np.abs(times[np.minimum(after, len(times) - 1)] - more),
            np.abs(more - times[np.maximum(after - 1, 0)]),
        )
        alone &= nearest > _SECOND
    times, first = np.unique(np.concatenate([times, more[alone]]), return_index=True)
    return times, np.concatenate([mids, values[alone]])[first]
