"""The pictures of a sweep's page, as SVG. Colours and fonts come from the page around them.

map_svg    a heat map: classes q0 (worst) to q9 (best), none, best
luck_svg   every trial's Sharpe ratio on a line, with what luck gives and the best marked
equity_svg one curve, such as the out-of-sample equity of a walk forward
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Final

import numpy as np

from xtrade.research.sweep.heat_map import HeatMap, figure_in
from xtrade.research.sweep.judgement import Judgement

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["equity_svg", "luck_svg", "map_svg"]

_LETTER: Final = 7
"""How wide a letter is, about."""
_WIDE: Final = 760


def map_svg(heat: HeatMap) -> str:
    """Draw a heat map; each cell says what it is when it is pointed at."""
    columns, rows = len(heat.x.values), len(heat.y.values)
    wide, high = max(30.0, min(72.0, 720 / columns)), max(24.0, min(40.0, 420 / rows))
    left = 14 + _LETTER * max(len(label) for label in (*heat.y.labels, heat.y.name))
    right, bottom = left + wide * columns, 26 + high * rows
    roomy = _LETTER * max(len(figure_in(cell)) for row in heat.cells for cell in row) <= wide - 4
    parts = [_text(left - 8, 16, heat.y.name, "end", "axis")]
    for row, cells in enumerate(heat.cells):
        y = bottom - high * (row + 1)
        parts.append(_text(left - 8, y + high / 2 + 4, heat.y.labels[row], "end"))
        for column, cell in enumerate(cells):
            x = left + wide * column
            place = f'x="{x + 1:.1f}" y="{y + 1:.1f}" width="{wide - 2:.1f}" height="{high - 2:.1f}" rx="3"'
            classes = (
                "none" if cell is None else f"q{heat.shade(cell)}" + (" best" if cell is heat.best else "")
            )
            figure = (
                _text(x + wide / 2, y + high / 2 + 4, figure_in(cell), "middle") if roomy and cell else ""
            )
            parts.append(
                f'<g class="{classes}"><title>{escape(heat.told(row, column))}</title><rect {place}/>{figure}</g>'
            )
    # Labels that would run into each other are left out.
    every = max(1, -(-(_LETTER * max(len(label) for label in heat.x.labels) + 8) // int(wide)))
    parts += [
        _text(left + wide * (column + 0.5), bottom + 16, heat.x.labels[column], "middle")
        for column in range(0, columns, every)
    ]
    parts.append(_text((left + right) / 2, bottom + 36, heat.x.name, "middle", "axis"))
    return _svg("map", right + 8, bottom + 46, heat.caption, parts)


def luck_svg(sharpes: Sequence[float], judgement: Judgement) -> str:
    """Draw all trials' Sharpe ratios as a histogram, the best one and the luck line over it."""
    if judgement.sharpe is None or judgement.luck is None or len(sharpes) < 2:
        return ""
    low, high = min(*sharpes, 0.0), max(*sharpes, judgement.luck, judgement.sharpe)
    pad = (high - low) * 0.06 or 1.0
    low, high = low - pad, high + pad
    counts, edges = np.histogram(
        np.asarray(sharpes), bins=min(48, max(8, len(sharpes) // 3)), range=(low, high)
    )
    floor, top, tallest = 170.0, 52.0, max(int(counts.max()), 1)

    def across(value: float) -> float:
        return 90 + (value - low) / (high - low) * (_WIDE - 180)

    parts = [
        f'<rect class="bar" x="{across(float(left)) + 0.5:.1f}" y="{floor - (floor - top) * count / tallest:.1f}"'
        f' width="{across(float(right)) - across(float(left)) - 1:.1f}"'
        f' height="{(floor - top) * count / tallest:.1f}"/>'
        for left, right, count in zip(edges[:-1], edges[1:], counts, strict=True)
        if count
    ]
    parts.append(f'<line class="ground" x1="20" x2="{_WIDE - 20}" y1="{floor}" y2="{floor}"/>')
    parts += [_text(across(tick), floor + 16, f"{tick:g}", "middle") for tick in _ticks(low, high)]
    unit = "a year" if judgement.per_year else "per return"
    parts.append(_text(_WIDE / 2, floor + 34, f"Sharpe ratio {unit}, of every trial", "middle", "axis"))
    for value, other, name, line, height in (
        (judgement.luck, judgement.sharpe, "luck alone", "luck", 20.0),
        (judgement.sharpe, judgement.luck, "the best", "winner", 38.0),
    ):
        # Each is named on its own side, so that no name crosses the other's line.
        anchor, aside = ("end", -6) if value <= other else ("start", 6)
        x = across(value)
        parts.append(f'<line class="{line}" x1="{x:.1f}" x2="{x:.1f}" y1="{height - 12}" y2="{floor}"/>')
        parts.append(_text(x + aside, height, f"{name}: {value:.2f}", anchor, line))
    label = (
        f"Sharpe ratios of {len(sharpes)} trials; the best {judgement.sharpe:.2f}, luck {judgement.luck:.2f}"
    )
    return _svg("luck", _WIDE, floor + 44, label, parts)


def equity_svg(equity: NDArray[np.float64], breaks: Sequence[int], label: str) -> str:
    """Draw a curve that begins at 1, with a thin line where each window begins."""
    if len(equity) < 2:
        return ""
    # More points than there is room for would only make the page heavy.
    shown = np.unique(np.linspace(0, len(equity) - 1, min(len(equity), 2 * _WIDE)).astype(np.int64))
    low, high = float(min(equity.min(), 1.0)), float(max(equity.max(), 1.0))
    if high == low:
        low, high = low - 0.01, high + 0.01
    span = high - low
    left, right, top, floor = 64.0, _WIDE - 12.0, 14.0, 200.0

    def across(place: int) -> float:
        return left + place / (len(equity) - 1) * (right - left)

    def up(value: float) -> float:
        return floor - (value - low) / span * (floor - top)

    parts = [
        f'<line class="grid" x1="{across(place):.1f}" x2="{across(place):.1f}" y1="{top}" y2="{floor}"/>'
        for place in breaks
    ]
    parts += [
        f'<line class="grid" x1="{left}" x2="{right}" y1="{up(tick):.1f}" y2="{up(tick):.1f}"/>'
        + _text(left - 8, up(tick) + 4, _change(tick), "end")
        for tick in _ticks(low, high, 4)
    ]
    points = " ".join(f"{across(int(place)):.1f},{up(float(equity[place])):.1f}" for place in shown)
    parts.append(f'<polyline class="curve" points="{points}"/>')
    return _svg("equity", _WIDE, floor + 12, label, parts)


def _change(tick: float) -> str:
    return "0 %" if tick == 1 else f"{(tick - 1) * 100:+.3g} %"


def _ticks(low: float, high: float, about: int = 8) -> list[float]:
    """Round numbers between two ends."""
    rough = (high - low) / about
    power = 10.0 ** np.floor(np.log10(rough))
    step = float(next(power * nice for nice in (1, 2, 5, 10) if power * nice >= rough))
    first = int(np.ceil(low / step))
    return [round(number * step, 12) for number in range(first, int(np.floor(high / step)) + 1)]


def _text(x: float, y: float, text: str, anchor: str, classes: str = "") -> str:
    marked = f' class="{classes}"' if classes else ""
    return f'<text{marked} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _svg(classes: str, width: float, height: float, label: str, parts: Sequence[str]) -> str:
    return (
        f'<svg class="{classes}" viewBox="0 0 {width:.0f} {height:.0f}" style="max-width:{width:.0f}px;'
        f' min-width:min(30rem, {width:.0f}px)" role="img"'
        f' aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )
