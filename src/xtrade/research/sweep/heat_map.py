"""Two parameters as a map of the searched figure, in the terminal; `pictures` draws the same as SVG.

Where more parameters were swept, a cell shows the best of all trials in it (so a bright cell may be one lucky value of
a third parameter), or only those with the others fixed. Which of the two is said under the map.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, log
from typing import TYPE_CHECKING, Final

from xtrade.model.errors import UsageError, did_you_mean
from xtrade.research.sweep.running import Objective
from xtrade.research.sweep.space import Between, Dimension, Space, shown
from xtrade.research.sweep.trial import Trial, Value

if TYPE_CHECKING:
    from rich.text import Text

__all__ = ["SHADES", "Axis", "Cell", "HeatMap", "figure_in"]

SHADES: Final = 10
"""How many colours there are from the worst to the best; the page's style has a class for each: q0 to q9."""

_VALUES_MAX: Final = 30
_BINS: Final = 16
_GLYPHS: Final = "·░▒▓█"
# From a dark blue to a bright yellow, evenly lighter: it can be told apart by every eye, and without colours.
_TERMINAL: Final = (
    "#352a87", "#2053d4", "#0d75dc", "#1192d0", "#07a9c2", "#32b797", "#7cbf7b", "#bfbd62", "#f2ba48", "#f9fb0e",
)  # fmt: skip


@dataclass(frozen=True)
class Axis:
    """One parameter along an edge: a label for each value, or for the lower end of each bin."""

    name: str
    labels: tuple[str, ...]
    values: tuple[Value, ...]
    binned: bool = False

    def place(self, value: Value) -> int:
        """Return the row or column of a value."""
        if not self.binned:
            return self.values.index(value)
        return min(max(bisect_right(self.values, value) - 1, 0), len(self.values) - 1)


@dataclass(frozen=True)
class Cell:
    """The best trial of a cell, its figure, and how many trials share it."""

    figure: float
    score: float
    trials: int
    best: Trial


@dataclass(frozen=True)
class HeatMap:
    """A map of two parameters; cells without a trial are None."""

    x: Axis
    y: Axis
    cells: tuple[tuple[Cell | None, ...], ...]
    objective: Objective
    fixed: Mapping[str, Value]
    maximised: tuple[str, ...]

    @classmethod
    def of(
        cls,
        trials: Sequence[Trial],
        space: Space,
        objective: Objective,
        *,
        x: str | None = None,
        y: str | None = None,
        fixed: Mapping[str, Value] | None = None,
    ) -> HeatMap:
        """Lay trials out by two parameters: the two with the most values unless they are named."""
        fixed = dict(fixed or {})
        for name in [name for name in (x, y, *fixed) if name is not None]:
            if name not in space.dimensions:
                raise UsageError(f"heat map: no parameter {name!r}.{did_you_mean(name, space.dimensions)}")
        scored = [
            trial
            for trial in trials
            if objective.score(trial) is not None
            and all(trial.params[name] == value for name, value in fixed.items())
        ]
        if not scored:
            raise UsageError("heat map: no trial there has the figure that was searched")
        axes = {name: _axis(name, d, scored) for name, d in space.dimensions.items() if name not in fixed}
        x, y = _chosen(axes, x, y)
        grid: list[list[Cell | None]] = [[None] * len(axes[x].values) for _ in axes[y].values]
        for trial in scored:
            row, column = axes[y].place(trial.params[y]), axes[x].place(trial.params[x])
            grid[row][column] = _joined(grid[row][column], trial, objective)
        return cls(
            x=axes[x],
            y=axes[y],
            cells=tuple(tuple(row) for row in grid),
            objective=objective,
            fixed=fixed,
            maximised=tuple(
                name for name, axis in axes.items() if name not in {x, y} and len(axis.values) > 1
            ),
        )

    @property
    def caption(self) -> str:
        """What the map shows, and what it does with the other parameters."""
        said = [f"{self.objective.metric} by {self.x.name} (across) and {self.y.name} (up)"]
        if self.fixed:
            said.append("with " + ", ".join(f"{name}={shown(value)}" for name, value in self.fixed.items()))
        if self.maximised:
            said.append(f"each cell is the best over {', '.join(self.maximised)}")
        if binned := [axis.name for axis in (self.x, self.y) if axis.binned]:
            said.append(f"{' and '.join(binned)} in bins, labelled by their lower ends, each its best trial")
        return "; ".join(said)

    def terminal(self, width: int = 100) -> Text:
        """Draw the map with coloured blocks; figures are in them where there is room."""
        from rich.text import Text

        left = max(len(label) for label in (*self.y.labels, self.y.name)) + 1
        figures = [[figure_in(cell) for cell in row] for row in self.cells]
        wide = max(len(text) for text in (*(f for row in figures for f in row), *self.x.labels)) + 2
        with_figures = left + wide * len(self.x.values) <= width
        wide = wide if with_figures else max(1, min(3, (width - left) // len(self.x.values)))
        best = self.best
        drawn = Text(f"{self.y.name:>{left - 1}}\n", style="dim")
        for row in reversed(range(len(self.cells))):
            drawn.append(f"{self.y.labels[row]:>{left - 1}} ", style="not dim")
            for cell, figure in zip(self.cells[row], figures[row], strict=True):
                if cell is None:
                    drawn.append(" " * wide)
                    continue
                shade = self.shade(cell)
                text = figure.center(wide) if with_figures else _GLYPHS[shade * len(_GLYPHS) // SHADES] * wide
                mark = " bold underline" if cell is best else ""
                ink = f"{'black' if shade >= 5 else 'white'} on {_TERMINAL[shade]}"
                drawn.append(text, style=f"not dim{mark} {ink if with_figures else _TERMINAL[shade]}")
            drawn.append("\n")
        if with_figures:
            labels = "".join(label.center(wide) for label in self.x.labels)
        else:
            # The ends alone: there is no room for all.
            room = wide * len(self.x.values) - len(self.x.labels[0])
            labels = self.x.labels[0] + self.x.labels[-1].rjust(max(room, 0))
        drawn.append(f"{' ' * left}{labels}  {self.x.name}\n", style="dim")
        drawn.append(self.caption, style="dim")
        return drawn

    def _cells(self) -> list[Cell]:
        return [cell for row in self.cells for cell in row if cell is not None]

    @property
    def best(self) -> Cell:
        """The cell of the best trial."""
        return max(self._cells(), key=lambda cell: cell.score)

    def shade(self, cell: Cell) -> int:
        """Return the colour of a cell, from 0 (the worst on this map) to SHADES - 1."""
        scores = [each.score for each in self._cells()]
        low, high = min(scores), max(scores)
        return SHADES - 1 if high == low else min(SHADES - 1, int((cell.score - low) / (high - low) * SHADES))

    def told(self, row: int, column: int) -> str:
        """Say in words what is in a cell."""
        cell = self.cells[row][column]
        if cell is None:
            return f"{self.x.name}={self.x.labels[column]} {self.y.name}={self.y.labels[row]}: not tried"
        params = " ".join(f"{name}={shown(value)}" for name, value in cell.best.params.items())
        many = f", the best of {cell.trials} trials" if cell.trials > 1 else ""
        return f"{params}: {self.objective.metric} {shown(cell.figure)}{many}"


def _axis(name: str, dimension: Dimension, trials: Sequence[Trial]) -> Axis:
    tried = {trial.params[name] for trial in trials}
    if any(isinstance(value, str | bool) for value in tried):
        values = tuple(sorted(tried, key=str))
        return Axis(name, tuple(shown(value) for value in values), values)
    numbers = sorted(tried)
    if len(numbers) <= _VALUES_MAX and not (isinstance(dimension, Between) and not dimension.whole):
        return Axis(name, tuple(shown(value) for value in numbers), tuple(numbers))
    low, high = float(numbers[0]), float(numbers[-1])
    if isinstance(dimension, Between) and dimension.log and low > 0:
        edges = [low * exp(log(high / low) * number / _BINS) for number in range(_BINS)]
    else:
        edges = [low + (high - low) * number / _BINS for number in range(_BINS)]
    return Axis(name, tuple(f"{edge:.3g}" for edge in edges), tuple(edges), binned=True)


def _chosen(axes: Mapping[str, Axis], x: str | None, y: str | None) -> tuple[str, str]:
    free = sorted((name for name in axes if name not in {x, y}), key=lambda name: -len(axes[name].values))
    x = x or next(iter(free), None)
    y = y or next((name for name in free if name != x), None)
    if x is None or y is None or x == y or x not in axes or y not in axes:
        raise UsageError("heat map: it takes two parameters that are not fixed")
    return x, y


def _joined(cell: Cell | None, trial: Trial, objective: Objective) -> Cell:
    score, figure = objective.score(trial), trial.metric(objective.metric)
    assert score is not None
    assert figure is not None
    if cell is None:
        return Cell(figure, score, 1, trial)
    if score > cell.score:
        return Cell(figure, score, cell.trials + 1, trial)
    return Cell(cell.figure, cell.score, cell.trials + 1, cell.best)


def figure_in(cell: Cell | None) -> str:
    """Write the figure of a cell as briefly as a map needs it."""
    return "" if cell is None else f"{cell.figure:.3g}"
