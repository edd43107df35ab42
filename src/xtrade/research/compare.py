"""Several results side by side: metrics as rows, results as columns, and what else differs between them.

compare       results -> Comparison
Comparison    rows with the best marked, and remarks: what was not the same besides the figures
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from msgspec import Struct

from xtrade.model.errors import UsageError
from xtrade.research.metrics import METRICS, Metric
from xtrade.research.result import Result, Run
from xtrade.research.summary import written

__all__ = ["Comparison", "ComparisonRow", "compare"]

_ABSENT: Final = "–"


class ComparisonRow(Struct, frozen=True, kw_only=True):
    """One metric of every result; `best` are the columns that have the best value (none where no better is known)."""

    name: str
    title: str
    metrics: tuple[Metric, ...]
    best: tuple[int, ...]

    @property
    def figures(self) -> tuple[str, ...]:
        """The values as people write them, without the reasons of those that there are none of."""
        return tuple(_ABSENT if metric.value is None else written(metric) for metric in self.metrics)


class Comparison(Struct, frozen=True, kw_only=True):
    """Results side by side. `remarks` say in sentences what makes them less than comparable, and what was changed."""

    names: tuple[str, ...]
    rows: tuple[ComparisonRow, ...]
    parameters: Mapping[str, tuple[str, ...]]
    """The parameters that differ, `strategy.parameter`, with the value in each result."""
    remarks: tuple[str, ...]


def compare(results: Sequence[Result]) -> Comparison:
    """Put two or more results side by side."""
    if len(results) < 2:
        raise UsageError("a comparison needs two results or more")
    runs = [result.run for result in results]
    return Comparison(
        names=_names([result.name for result in results]),
        rows=tuple(
            _row(name, results) for name in METRICS if any(name in result.metrics for result in results)
        ),
        parameters=_differing([_parameters(run) for run in runs]),
        remarks=tuple(_remarks(runs)),
    )


def _row(name: str, results: Sequence[Result]) -> ComparisonRow:
    missing = Metric(value=None, unit="", why="not measured by the version of xtrade that made this result")
    metrics = tuple(result.metrics.get(name, missing) for result in results)
    values = [metric.value for metric in metrics if metric.value is not None]
    comparable = len(values) > 1 and len({metric.unit for metric in metrics if metric.unit}) == 1
    better = METRICS[name].better
    best: tuple[int, ...] = ()
    if comparable and better and len(set(values)) > 1:
        top = max(values) if better == "higher" else min(values)
        best = tuple(column for column, metric in enumerate(metrics) if metric.value == top)
    return ComparisonRow(name=name, title=METRICS[name].title, metrics=metrics, best=best)


def _names(names: Sequence[str]) -> tuple[str, ...]:
    """Number names that are there more than once."""
    counts, seen = Counter(names), Counter[str]()
    numbered = []
    for name in names:
        seen[name] += 1
        numbered.append(f"{name} ({seen[name]})" if counts[name] > 1 else name)
    return tuple(numbered)


def _parameters(run: Run) -> dict[str, str]:
    return {
        f"{name}.{parameter}": str(value)
        for name, strategy in run.strategies.items()
        for parameter, value in strategy.params.items()
    }


def _differing(found: Sequence[Mapping[str, str]]) -> dict[str, tuple[str, ...]]:
    keys = dict.fromkeys(key for one in found for key in one)
    rows = {key: tuple(one.get(key, _ABSENT) for one in found) for key in keys}
    return {key: values for key, values in rows.items() if len(set(values)) > 1}


def _remarks(runs: Sequence[Run]) -> Iterable[str]:
    if _several(run.currency for run in runs):
        yield "The report currencies differ: amounts of money are not comparable."
    elif _several(run.capital for run in runs):
        yield "The capital differs: compare returns, not amounts of money."
    if _several((run.start_ns, run.end_ns) for run in runs):
        yield "The periods differ: the markets may have been kinder to one of them."
    if _several(run.fingerprint.data for run in runs) or _several(run.data for run in runs):
        yield "The data differ."
    elif not all(run.fingerprint.data for run in runs):
        yield "Whether the data are the same is not known: a result has no fingerprint of them."
    if _several(run.assumptions for run in runs):
        yield "The assumptions differ: " + _what_differs([run.assumptions for run in runs])
    if _several(run.seed for run in runs):
        yield "The seeds differ."
    if _several(tuple(sorted(run.fingerprint.sources.items())) for run in runs):
        yield "The code of the strategies differs."
    elif any(run.strategies.keys() != run.fingerprint.sources.keys() for run in runs):
        yield "Whether the code is the same is not known: a strategy stands in no file."
    if _several(run.fingerprint.xtrade for run in runs):
        yield "The versions of xtrade differ."
    for place, run in enumerate(runs, start=1):
        for name, failure in run.failures.items():
            yield f"In result {place}, {name} failed: {failure}"


def _several(values: Iterable[object]) -> bool:
    first, *others = list(values)
    return any(other != first for other in others)


def _what_differs(texts: Sequence[Sequence[str]]) -> str:
    """Name what is not said of every result, and of which it is said."""
    everywhere = set(texts[0]).intersection(*texts[1:])
    parts = []
    for place, said in enumerate(texts, start=1):
        own = [text for text in said if text not in everywhere]
        parts.append(f"result {place}: {'; '.join(own) or 'nothing else'}")
    return " / ".join(parts)
