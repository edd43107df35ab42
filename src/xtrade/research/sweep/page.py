"""A sweep or a walk forward as one HTML page: nothing is fetched, no script runs, light and dark as the screen is.

page       a sweep
walk_page  a walk forward, with the out-of-sample equity
fragment   a sweep without a head of its own, for notebooks
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import combinations
from typing import TYPE_CHECKING, Final

from xtrade.research.sweep.judgement import CONVINCING
from xtrade.research.sweep.pictures import equity_svg, luck_svg, map_svg
from xtrade.research.sweep.space import shown
from xtrade.research.sweep.table import columns_of, ranked, rows_of

if TYPE_CHECKING:
    from xtrade.research.sweep.result import SweepResult
    from xtrade.research.sweep.walk_result import WalkForwardResult

__all__ = ["fragment", "page", "walk_page"]

_ROWS: Final = 100
_MAPS: Final = 3

_STYLE: Final = """
.xt { --paper: #fff; --card: #f6f7f8; --ink: #1c2126; --dim: #667079; --line: #dde1e4; --good: #00796b; --bad: #b3541e;
 --q0: #e9f1f1; --q1: #d3e6e5; --q2: #b9d9d7; --q3: #9bcac7; --q4: #79b9b5; --q5: #55a5a1; --q6: #328e8a; --q7: #177572;
 --q8: #0a5b59; --q9: #03413f; --low: #1c2126; --high: #fff;
  color: var(--ink); background: var(--paper); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
@media (prefers-color-scheme: dark) { .xt { --paper: #14181b; --card: #1d2327; --ink: #e4e8ea; --dim: #97a1a8;
  --line: #30383d; --good: #4db6ac; --bad: #f0985a; --q0: #1b2a2c; --q1: #1c3a3b; --q2: #1d4b4b; --q3: #1f5d5c;
  --q4: #22716e; --q5: #2a8682; --q6: #3d9d98; --q7: #5cb5af; --q8: #86cdc7; --q9: #bde6e1; --low: #e4e8ea;
  --high: #0d1416; color-scheme: dark; } }
.xt .page { max-width: 62rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
.xt h1 { font-size: 1.5rem; margin: 0 0 .25rem; } .xt h2 { font-size: 1.05rem; margin: 2.25rem 0 .5rem; }
.xt p { margin: .25rem 0; } .xt .dim { color: var(--dim); }
.xt .verdict { background: var(--card); border-left: 4px solid var(--bad); border-radius: 4px; padding: .8rem 1rem;
  margin: 1.1rem 0; } .xt .verdict.good { border-color: var(--good); }
.xt .tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .6rem; margin: 1rem 0; }
.xt .tile { background: var(--card); border-radius: 6px; padding: .6rem .8rem; }
.xt .tile b { display: block; font-size: 1.35rem; font-weight: 600; font-variant-numeric: tabular-nums; }
.xt .tile span { color: var(--dim); font-size: .8rem; }
.xt svg { width: 100%; height: auto; display: block; font: 12px system-ui, sans-serif; }
.xt svg text { fill: var(--ink); } .xt svg .axis { fill: var(--dim); } .xt .map .none rect { fill: var(--card); }
.xt .map .q0 rect { fill: var(--q0); } .xt .map .q1 rect { fill: var(--q1); } .xt .map .q2 rect { fill: var(--q2); }
.xt .map .q3 rect { fill: var(--q3); } .xt .map .q4 rect { fill: var(--q4); } .xt .map .q5 rect { fill: var(--q5); }
.xt .map .q6 rect { fill: var(--q6); } .xt .map .q7 rect { fill: var(--q7); } .xt .map .q8 rect { fill: var(--q8); }
.xt .map .q9 rect { fill: var(--q9); } .xt .map g text { fill: var(--low); }
.xt .map .q6 text, .xt .map .q7 text, .xt .map .q8 text, .xt .map .q9 text { fill: var(--high); }
.xt .map .best rect { stroke: var(--bad); stroke-width: 3; }
.xt svg .bar { fill: var(--q4); } .xt svg .ground { stroke: var(--dim); } .xt svg .grid { stroke: var(--line); }
.xt svg line.luck { stroke: var(--bad); stroke-width: 2; stroke-dasharray: 5 4; }
.xt svg text.luck { fill: var(--bad); }
.xt svg line.winner { stroke: var(--good); stroke-width: 2; } .xt svg text.winner { fill: var(--good); }
.xt svg .curve { fill: none; stroke: var(--good); stroke-width: 1.6; }
.xt .wide { overflow-x: auto; } .xt table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
.xt th { text-align: right; font-weight: 500; color: var(--dim); border-bottom: 1px solid var(--line); }
.xt th, .xt td { padding: .22rem .7rem; white-space: nowrap; } .xt td { text-align: right; }
.xt tbody tr:hover { background: var(--card); } .xt .ranked tbody tr:first-child td { font-weight: 600; }
"""


def page(result: SweepResult) -> str:
    """Write the whole document."""
    return _frame(f"Sweep of {result.name}", _sections_of(result))


def fragment(result: SweepResult) -> str:
    """Write what a notebook shows in a cell."""
    return f'<style>{_STYLE}</style><div class="xt">{"".join(_sections_of(result))}</div>'


def walk_page(result: WalkForwardResult) -> str:
    """Write a walk forward as a whole document: verdict, stitched equity, windows."""
    rows = result.rows()
    parts = [
        f'<p class="dim">{escape(result.plan())}</p>',
        f'<div class="verdict{" good" if result.convincing else ""}"><p>{escape(result.verdict)}</p></div>',
        "<h2>Equity out of sample, window after window</h2>",
        _wide(equity_svg(result.equity, result.breaks, "equity out of sample, as a change from its start")),
        "<h2>Windows</h2>",
        _rows_as_table(rows[0], rows[1:]),
    ]
    if result.remarks:
        parts.append("<h2>Notes</h2>" + "".join(f"<p>{escape(remark)}</p>" for remark in result.remarks))
    return _frame(f"Walk forward of {result.name}", [part + "\n" for part in parts])


def _frame(title: str, sections: Sequence[str]) -> str:
    """Put a document around sections."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>html {{ color-scheme: light dark; }} body {{ margin: 0; }}{_STYLE}"
        f'</style></head>\n<body class="xt"><div class="page"><h1>{escape(title)}</h1>\n{"".join(sections)}'
        "</div></body></html>\n"
    )


def _sections_of(result: SweepResult) -> list[str]:
    """Write the parts of a sweep: verdict, figures, luck, maps, table, notes."""
    judgement = result.judgement
    good = judgement.convincing and not result.stability.lone_peak
    said = [line for line in (judgement.verdict, result.stability.verdict) if line]
    parts = [
        f'<p class="dim">{escape(_asked(result))}</p>',
        f'<div class="verdict{" good" if good else ""}">{"".join(f"<p>{escape(line)}</p>" for line in said)}</div>',
        f'<div class="tiles">{"".join(_tiles(result))}</div>',
    ]
    if luck := luck_svg(result.sharpes, judgement):
        parts.append(f"<h2>Against luck</h2>{_wide(luck)}")
    for x, y in _pairs(result):
        heat = result.heat_map(x, y)
        parts.append(
            f'<h2>{escape(x)} and {escape(y)}</h2>{_wide(map_svg(heat))}<p class="dim">{escape(heat.caption)}.'
            " The best is framed.</p>"
        )
    parts.append(_table(result))
    if notes := result.notes():
        parts.append("<h2>Notes</h2>" + "".join(f"<p>{escape(note)}</p>" for note in notes))
    return [part + "\n" for part in parts]


def _tile(figure: str, name: str) -> str:
    """Write one figure with its name."""
    return f'<div class="tile"><b>{escape(figure)}</b><span>{escape(name)}</span></div>'


def _asked(result: SweepResult) -> str:
    goal = "lowest" if result.objective.minimise else "highest"
    best = result.best
    if best is None:
        return f"Searched for the {goal} {result.objective.metric}."
    figure = best.metric(result.objective.metric)
    params = " ".join(f"{name}={shown(value)}" for name, value in best.params.items())
    return f"Searched for the {goal} {result.objective.metric}: {figure:.4g} with {params}."


def _tiles(result: SweepResult) -> list[str]:
    judged = result.judgement
    unit = "a year" if judged.per_year else "per return"
    tiles = [_tile(f"{judged.trials:,}", "trials"), _tile(f"{judged.independent:.0f}", "independent tries")]
    if judged.sharpe is not None and judged.luck is not None and judged.deflated is not None:
        tiles += [
            _tile(f"{judged.sharpe:.2f}", f"Sharpe of the best, {unit}"),
            _tile(f"{judged.luck:.2f}", "expected from luck alone"),
            _tile(f"{judged.deflated:.2f}", f"deflated Sharpe ({CONVINCING:g} convinces)"),
        ]
    if result.stability.kept is not None:
        tiles.append(_tile(f"{max(result.stability.kept, 0) * 100:.0f} %", "of the lead kept by neighbours"))
    return tiles


def _pairs(result: SweepResult) -> list[tuple[str, str]]:
    """Choose the pairs to draw: those of the parameters with the most values first."""
    if not result.has_map:
        return []
    counts = {name: len({trial.params[name] for trial in result.trials}) for name in result.space.dimensions}
    varied = sorted((name for name, count in counts.items() if count > 1), key=lambda name: -counts[name])
    return list(combinations(varied, 2))[:_MAPS]


def _table(result: SweepResult) -> str:
    order = ranked(result.trials, result.objective)
    if not order:
        return ""
    names = columns_of(order, result.objective)
    more = f'<p class="dim">{len(order) - _ROWS} more are not shown.</p>' if len(order) > _ROWS else ""
    head = ["#", *order[0].params, *names, "deflated"]
    table = _rows_as_table(head, rows_of(order[:_ROWS], names, result.judgement))
    return f"<h2>Trials, the best first</h2><div class='ranked'>{table}</div>{more}"


def _rows_as_table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in heading)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return _wide(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")


def _wide(part: str) -> str:
    """Let a part that is wider than a phone be scrolled by itself."""
    return f'<div class="wide">{part}</div>' if part else ""
