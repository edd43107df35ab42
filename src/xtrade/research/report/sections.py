"""The parts of a page that are written before any script has run.

The skeletons stand in assets/*.html; these functions fill their places. Every text that comes from a run goes through
`escape`. The charts' places are empty, and filled by the scripts from the page's data; their titles and their
summaries in words are not.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape

from xtrade.research.report.cautions import Caution
from xtrade.research.report.figures import THIN, count, moment, span
from xtrade.research.report.headline import Figure, Line
from xtrade.research.report.listings import Refusal
from xtrade.research.report.run import Run

__all__ = [
    "WITHOUT_SCRIPTS",
    "cautions",
    "facts",
    "figures",
    "lead",
    "metrics",
    "options",
    "refusals",
    "table",
    "top",
]

WITHOUT_SCRIPTS = (
    '<noscript><p class="empty">The charts are drawn by scripts inside this file, and this browser runs none.</p>'
    "</noscript>"
)


def top(what: str) -> str:
    """The line above everything: who made this, and the switch between light and dark."""
    return (
        f'<div class="top"><p class="brand">xtrade <span>· {escape(what)}</span></p>'
        '<button type="button" id="theme">Dark</button></div>'
    )


def lead(title: str, soft: str, when: str, text: str) -> str:
    """The title of the page, of what time it is, and what came of it in words."""
    return (
        f'<header class="lead"><h1>{escape(title)} <span class="soft">{escape(soft)}</span></h1>'
        f'<p class="when">{escape(when)}</p><p class="verdict">{escape(text)}</p></header>'
    )


def figures(shown: Sequence[Figure]) -> str:
    """The verdict as tiles: the first is the one that counts."""
    tiles = []
    for place, figure in enumerate(shown):
        first = ' class="first"' if place == 0 else ""
        tone = f' class="{figure.tone}"' if figure.tone else ""
        unit = f'{THIN}<span class="unit">{escape(figure.unit)}</span>' if figure.unit else ""
        more = f'<dd class="small">{escape(figure.more)}</dd>' if figure.more else ""
        tiles.append(
            f"<div{first}><dt>{escape(figure.title)}</dt><dd{tone}>{escape(figure.text)}{unit}</dd>{more}</div>"
        )
    return f'<dl class="figures">{"".join(tiles)}</dl>'


def cautions(found: Sequence[Caution]) -> str:
    """What to know before believing the figures."""
    if not found:
        return ""
    items = []
    for caution in found:
        kind, sign, spoken = ("grave", "✖", "Stop:") if caution.grave else ("mild", "⚠", "Mind:")
        evidence = f" <code>{escape(caution.evidence)}</code>" if caution.evidence else ""
        items.append(
            f'<li class="{kind}"><b><span aria-hidden="true">{sign}</span><span class="unseen">{spoken}</span>'
            f" {escape(caution.head)}</b> {escape(caution.text)}{evidence}</li>"
        )
    return f'<section aria-label="What to know first"><ul class="warnings">{"".join(items)}</ul></section>'


def facts(run: Run) -> str:
    """What was run, on what, under which assumptions: all that is needed to run it again."""
    about = run.about
    rows: list[tuple[str, str]] = []
    for name, strategy in about.strategies.items():
        settings = ", ".join(f"{key} = {_plain(value)}" for key, value in strategy.params.items())
        source = f"<br><code>{escape(strategy.source)}</code>" if strategy.source else ""
        rows.append(("Strategy", f"<b>{escape(name)}</b>: {escape(settings) or 'no parameters'}{source}"))
    rows += [
        ("Instruments", "<br>".join(escape(key) for key in about.instruments)),
        ("Data", _listed(about.data) or "not told"),
        (
            "Period",
            f"{moment(run.start_ns)} to {moment(run.end_ns)} UTC ({span(run.end_ns - run.start_ns)})",
        ),
        ("Capital", escape(about.capital)),
        ("Assumptions", _listed(about.assumptions) or "not told"),
        ("Seed", "none" if about.seed is None else str(about.seed)),
    ]
    made_of = about.fingerprint
    code = [f"xtrade {made_of.xtrade}, Python {made_of.python}"]
    code += [f"commit {made_of.commit}"] if made_of.commit else []
    code += [f"{name}: {digest}" for name, digest in made_of.sources.items()]
    code += [f"data: {made_of.data}"] if made_of.data else []
    rows.append(("Fingerprint", "<br>".join(f"<code>{escape(line)}</code>" for line in code)))
    if about.config:
        text = json.dumps(about.config, indent=1, ensure_ascii=False, default=str)
        rows.append(("Configuration", f"<code>{escape(text)}</code>"))
    listed = "".join(f"<dt>{name}</dt><dd>{text}</dd>" for name, text in rows)
    return f'<details><summary>What was run</summary><dl class="facts">{listed}</dl></details>'


def options(everything: str, names: Sequence[str]) -> str:
    """The entries of a choice: all of them, and each; where there is one, all of them is that one."""
    if len(names) == 1:
        return f'<option value="*">{escape(names[0])}</option>'
    listed = "".join(f'<option value="{place}">{escape(name)}</option>' for place, name in enumerate(names))
    return f'<option value="*">{escape(everything)}</option>{listed}'


def metrics(lines: Sequence[Line]) -> str:
    """Every metric with its definition beneath it, or why it could not be had."""
    rows = []
    for line in lines:
        figure = (
            '<dd class="figure missing">not known</dd>'
            if line.missing
            else f'<dd class="figure nowrap">{escape(line.text)}</dd>'
        )
        missing = f"<b>{escape(line.missing)}.</b> " if line.missing else ""
        rows.append(
            f'<div><div class="line"><dt>{escape(line.title)}</dt>{figure}</div>'
            f'<dd class="means">{missing}{escape(line.means)}</dd></div>'
        )
    return "".join(rows)


def refusals(groups: Sequence[Refusal]) -> str:
    """The refused orders, or the sentence that there were none."""
    if not groups:
        return '<p class="empty">No order was refused.</p>'
    rows = "".join(
        f'<tr><th scope="row">{escape(group.rule)}</th><td class="words">{group.by}</td>'
        f'<td class="words">{escape(group.strategy)}</td><td class="words">{escape(group.instrument)}</td>'
        f'<td>{count(group.times)}</td><td class="words long">{escape(group.example)}</td></tr>'
        for group in groups
    )
    heads = ("Reason", "By", "Strategy", "Instrument", "Times", "The first of them")
    return table([(head, head != "Times") for head in heads], rows, "Refused orders")


def table(heads: Sequence[tuple[str, bool]], rows: str, label: str) -> str:
    """A table that scrolls by itself where it is wider than the page; of each head, whether its column holds words."""
    written = "".join(
        f'<th scope="col"{" class=words" if words else ""}>{escape(head)}</th>' for head, words in heads
    )
    return (
        f'<div class="scroll whole" tabindex="0" role="region" aria-label="{escape(label)}"><table>'
        f"<thead><tr>{written}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _listed(sentences: Sequence[str]) -> str:
    return (
        f"<ul>{''.join(f'<li>{escape(sentence)}</li>' for sentence in sentences)}</ul>" if sentences else ""
    )


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
