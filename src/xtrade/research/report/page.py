"""The report of one run, put together.

report_html     a result -> the whole page as text: the same result gives the same bytes
write_report    the same into a file
"""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from xtrade.research.report import headline, lines, listings, quality, sections
from xtrade.research.report.cautions import cautions
from xtrade.research.report.document import document, filled
from xtrade.research.report.figures import moment, span
from xtrade.research.report.run import Choice, Run, choices

if TYPE_CHECKING:
    from xtrade.research.result import Result

__all__ = ["report_html", "write_report"]

SCRIPTS: Final = ("figures.js", "time_charts.js", "bars.js", "tables.js", "report.js", "page.js")

# A browser draws a few thousand points of a line at once; the views share what keeps the file below 3 MB.
ROWS_MAX: Final = 4_000
ROWS_OF_ALL_VIEWS: Final = 24_000
FILLS_MAX: Final = 6_000
FILLS_OF_ALL_MARKETS: Final = 15_000


def report_html(result: Result) -> str:
    """Return the report of a result as one self-contained page."""
    run = Run.of(result)
    names = " + ".join(run.strategies)
    on = ", ".join(market.key for market in run.markets)
    when = f"{moment(run.start_ns, seconds=False)} to {moment(run.end_ns, seconds=False)} UTC"
    when += f" · {span(run.end_ns - run.start_ns)}"
    deck = _deck(run)
    charts = deck["views"]["*|*"] | {"price": deck["markets"][deck["busiest"]]}
    words = {
        f"{name}_{part}": escape(chart.get(part) or (chart.get("empty", "") if part == "summary" else ""))
        for name, chart in charts.items()
        for part in ("summary", "note")
    }
    body = filled(
        "report.html",
        top=sections.top(f"report of a {result.run.kind}"),
        lead=sections.lead(names, f"on {on}", when, headline.verdict(run)),
        figures=sections.figures(headline.tiles(run)),
        cautions=sections.cautions(cautions(run)),
        facts=sections.facts(run),
        strategies=sections.options("all strategies", run.strategies),
        instruments=sections.options("all instruments", [market.key for market in run.markets]),
        without_scripts=sections.WITHOUT_SCRIPTS,
        refused=sections.refusals(listings.refusals(run)),
        metrics=sections.metrics(headline.lines(run.metrics)),
        **words,
    )
    return document(title=f"{names}: report of a {result.run.kind}", body=body, deck=deck, scripts=SCRIPTS)


def write_report(result: Result, path: Path | str) -> Path:
    """Write the report of a result into a file, and return its path."""
    file = Path(path)
    file.write_text(report_html(result), encoding="utf-8")
    return file


def _deck(run: Run) -> dict[str, Any]:
    """Return everything the page's scripts draw: a view for each choice, the markets, the tables."""
    every = choices(run)
    rows_max = max(200, min(ROWS_MAX, ROWS_OF_ALL_VIEWS // len(every)))
    fills_max = max(200, min(FILLS_MAX, FILLS_OF_ALL_MARKETS // max(1, len(run.markets))))
    place: dict[str | None, str] = {None: "*"}
    place |= {name: str(at) for at, name in enumerate(run.strategies)}
    markets: dict[str | None, str] = {None: "*"}
    markets |= {market.key: str(at) for at, market in enumerate(run.markets)}
    return {
        "currency": run.currency,
        "start": run.start_ns // 1_000_000,
        "length": (run.end_ns - run.start_ns) // 1_000_000,
        "strategies": run.strategies,
        "busiest": run.busiest,
        "markets": [lines.price(run, market, ROWS_MAX, fills_max) for market in run.markets],
        "views": {
            f"{place[choice.strategy]}|{markets[choice.instrument]}": _view(run, choice, rows_max)
            for choice in every
        },
        "lists": {"trips": listings.trips(run), "fills": listings.fills(run)},
    }


def _view(run: Run, choice: Choice, rows_max: int) -> dict[str, Any]:
    return {
        "money": lines.money(run, choice, rows_max),
        "split": lines.split(run, choice, rows_max),
        "inventory": lines.inventory(run, choice, rows_max),
        "markouts": quality.mark_outs(run, choice),
        "orders": quality.order_kinds(run, choice),
        "latency": quality.latency(run, choice),
    }
