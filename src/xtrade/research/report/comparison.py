"""Several results on one page: their curves over each other, their figures side by side, and what differs.

compare_html        results -> the whole page as text
write_comparison    the same into a file
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from xtrade.research.compare import Comparison, compare
from xtrade.research.metrics import Metric
from xtrade.research.report import sections
from xtrade.research.report.cautions import Caution
from xtrade.research.report.document import document, filled
from xtrade.research.report.figures import moment, percent, span
from xtrade.research.report.headline import whole_titles, written
from xtrade.research.report.lines import compact, drawn_note
from xtrade.research.report.run import Run
from xtrade.research.report.thinning import kept_rows

if TYPE_CHECKING:
    from xtrade.research.result import Result

__all__ = ["compare_html", "write_comparison"]

SCRIPTS: Final = ("figures.js", "time_charts.js", "comparison.js", "page.js")
ROWS_MAX: Final = 8_000


def compare_html(results: Sequence[Result]) -> str:
    """Return a page that shows two or more results side by side."""
    compared = compare(results)
    runs = [Run.of(result) for result in results]
    deck = _deck(compared.names, runs)
    start, end = min(run.start_ns for run in runs), max(run.end_ns for run in runs)
    when = f"{moment(start, seconds=False)} to {moment(end, seconds=False)} UTC · {span(end - start)}"
    ends = sorted(zip(deck["ends"], compared.names, strict=True), reverse=True)
    (most, best), (least, worst) = ends[0], ends[-1]
    verdict = (
        f"{best} came out highest with {percent(most, plus=True)}, {worst} lowest with {percent(least, plus=True)}."
        " Whoever was tried most often has had the most luck: the best of many is no proof."
    )
    body = filled(
        "comparison.html",
        top=sections.top("comparison of back-tests"),
        lead=sections.lead("Comparison", f"of {len(runs)} results", when, verdict),
        cautions=sections.cautions([_caution(remark) for remark in compared.remarks]),
        without_scripts=sections.WITHOUT_SCRIPTS,
        money_summary=escape(deck["summary"]),
        money_note=escape(deck["note"]),
        parameters=_parameters(compared),
        metrics=_metrics(compared),
    )
    return document(title=f"Comparison of {len(runs)} back-tests", body=body, deck=deck, scripts=SCRIPTS)


def write_comparison(results: Sequence[Result], path: Path | str) -> Path:
    """Write the comparison of results into a file, and return its path."""
    file = Path(path)
    file.write_text(compare_html(results), encoding="utf-8")
    return file


def _deck(names: Sequence[str], runs: Sequence[Run]) -> dict[str, Any]:
    """Return the curves at common times: what each had earned in percent of its capital, and its drawdown."""
    times = np.unique(np.concatenate([run.equity["time_ns"] for run in runs]))
    returns, drawdowns, ends = [], [], []
    for run in runs:
        own = run.equity["time_ns"]
        row = np.searchsorted(own, times, side="right") - 1
        known = (row >= 0) & (times <= run.end_ns)
        earned = 100 * (run.equity["equity"] / run.capital - 1)
        returns.append(np.where(known, earned[row], np.nan))
        drawdowns.append(np.where(known, -100 * run.equity["drawdown"][row], np.nan))
        ends.append(float(earned[-1]) / 100)
    kept = kept_rows([*returns, *drawdowns], ROWS_MAX)
    start = min(run.start_ns for run in runs) // 1_000_000
    return {
        "start": start,
        "length": max(run.end_ns for run in runs) // 1_000_000 - start,
        "x": (times[kept] // 1_000_000 - start).tolist(),
        "names": list(names),
        "returns": [compact(column[kept]) for column in returns],
        "drawdowns": [compact(column[kept]) for column in drawdowns],
        "ends": ends,
        "summary": "; ".join(
            f"{name} {percent(end, plus=True)}" for name, end in zip(names, ends, strict=True)
        )
        + ", in percent of the capital at the end.",
        "note": drawn_note(len(kept), len(times), "samples"),
    }


def _caution(remark: str) -> Caution:
    """Take a remark apart at its first colon: what comes before is printed bold."""
    head, colon, text = remark.partition(": ")
    return Caution(head=f"{head}:" if colon else head, text=text)


def _parameters(compared: Comparison) -> str:
    if not compared.parameters:
        return '<p class="empty">The strategies and their parameters are the same.</p>'
    rows = "".join(
        f'<tr><th scope="row"><code>{escape(name)}</code></th>'
        + "".join(f'<td class="words">{escape(value)}</td>' for value in values)
        + "</tr>"
        for name, values in compared.parameters.items()
    )
    heads = [(head, True) for head in ("Parameter", *compared.names)]
    return sections.table(heads, rows, "Parameters that differ")


def _metrics(compared: Comparison) -> str:
    titles = whole_titles({row.name: row.title for row in compared.rows})
    rows = []
    for row in compared.rows:
        cells = "".join(
            f"<td{_attributes(metric, best=place in row.best)}>{escape(written(metric))}</td>"
            for place, metric in enumerate(row.metrics)
        )
        rows.append(f'<tr><th scope="row">{escape(titles[row.name])}</th>{cells}</tr>')
    heads = [("Figure", True), *((name, False) for name in compared.names)]
    return sections.table(heads, "".join(rows), "Metrics of each result")


def _attributes(metric: Metric, *, best: bool) -> str:
    why = f' title="{escape(metric.why)}"' if metric.why else ""
    return f' class="best"{why}' if best else why
