"""`xtrade backtest`: play strategies on recorded or generated markets, look at results, put them side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import cyclopts
from msgspec import Struct

from xtrade.app import exit_codes
from xtrade.app.config.flags import Overrides
from xtrade.app.output import Json, answer, columns, note
from xtrade.app.running import (
    BarsFlag,
    CompiledFlag,
    DataFlag,
    HoursFlag,
    InstrumentFlag,
    ParamFlag,
    SeedFlag,
    What,
    configured,
    named_values,
)
from xtrade.model.errors import UsageError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from xtrade.research.compare import Comparison
    from xtrade.research.result import Result

__all__ = ["app"]

app = cyclopts.App(
    name="backtest",
    help="""Play a strategy on recorded or generated markets, and see what it would have earned.

    **Examples**

    - `xtrade backtest run examples/sma.toml`
    - `xtrade backtest run quoter --data busy --param half_spread=3`
    - `xtrade backtest compare runs/sma runs/sma-2`
    """,
    group_commands=cyclopts.Group("Commands"),
)

Out = Annotated[
    Path | None,
    cyclopts.Parameter(
        name="--out", metavar="DIR", help="The folder to write; without it, the next free one in ./runs."
    ),
]
ResultFolder = Annotated[Path, cyclopts.Parameter(help="A folder that a back-test wrote.")]
ResultFolders = Annotated[tuple[Path, ...], cyclopts.Parameter(help="Folders that back-tests wrote.")]
Page = Annotated[
    Path | None,
    cyclopts.Parameter(name="--html", metavar="FILE", help="Write the comparison as a page, too."),
]


class Outcome(Struct, frozen=True):
    """What a back-test came to, for programs."""

    folder: str
    report: str
    metrics: Mapping[str, Any]
    unusual: Mapping[str, Any]
    failures: Mapping[str, str]


@app.command(usage="xtrade backtest run [OPTIONS] [WHAT]")
def run(
    what: What = None,
    /,
    *,
    data: DataFlag = (),
    instrument: InstrumentFlag = None,
    bars: BarsFlag = None,
    hours: HoursFlag = None,
    param: ParamFlag = (),
    seed: SeedFlag = None,
    compiled: CompiledFlag = False,
    set: Overrides = (),  # noqa: A002
    out: Out = None,
    json: Json = False,
) -> int:
    """Play a configuration, or one strategy by its name, and write a result folder with a report.

    A strategy is a built-in one (sma, quoter), or your own as FILE.py:Class. Data are files, or a synthetic world by
    its name; without any, an hour of the world "busy". Every assumption is an option of [backtest]: see `xtrade config
    show`. The exit code is 1 when a strategy failed on the way.

    **Examples**

    - `xtrade backtest run examples/sma.toml`
    - `xtrade backtest run sma --data trending --bars 1m --hours 720`
    - `xtrade backtest run mine.py --data calm --param size=2`
    - `xtrade backtest run quoter --set backtest.queue=log --out runs/log`
    """
    from xtrade.app.backtests import plan_of, play
    from xtrade.app.running import following, warmed_up
    from xtrade.research.report.page import write_report

    loaded = configured(
        what, data=data, instrument=instrument, bars=bars, hours=hours, seed=seed, overrides=set
    )
    changes = named_values(param)
    folder = out or _next_free(Path("runs"), loaded.name)
    if out is not None and out.exists():
        raise UsageError(f"{out} is already there: name another folder with --out")
    with following("reading data") as tell:
        plan = plan_of(loaded.config, changes)
        warmed_up(tell, loaded.config)
        tell.stage(loaded.name)
        result = play(plan, params=changes, name=folder.name, tell=tell.progress, compiled=compiled)
        tell.stage("writing the report")
        result.save(folder)
        report = write_report(result, folder / "report.html")
    outcome = Outcome(str(folder), str(report), result.metrics, result.run.unusual, result.run.failures)
    answer(outcome, json=json, human=lambda: _drawn(result))
    note(f"Wrote {folder}: open {report} in a browser")
    return exit_codes.NO if result.run.failures else exit_codes.OK


@app.command
def show(folder: ResultFolder, /, *, json: Json = False) -> None:
    """Show the figures of a result folder again.

    **Examples**

    - `xtrade backtest show runs/sma`
    - `xtrade backtest show runs/sma --json`
    """
    from xtrade.research.result import Result

    result = Result.load(folder)
    outcome = Outcome(
        str(folder),
        str(folder / "report.html"),
        result.metrics,
        result.run.unusual,
        result.run.failures,
    )
    answer(outcome, json=json, human=lambda: _drawn(result))


@app.command
def compare(*folders: ResultFolders, html: Page = None, json: Json = False) -> None:
    """Put results side by side, with what differs in what was run.

    **Examples**

    - `xtrade backtest compare runs/sma runs/sma-2`
    - `xtrade backtest compare runs/* --html compared.html`
    """
    from xtrade.research.compare import compare as put_together
    from xtrade.research.report.comparison import write_comparison
    from xtrade.research.result import Result

    results = [Result.load(folder) for folder in _flat(folders)]
    compared = put_together(results)
    answer(compared, json=json, human=lambda: _side_by_side(compared))
    if html is not None:
        write_comparison(results, html)
        note(f"Wrote {html}")


def _flat(folders: Iterable[Any]) -> list[Path]:
    return [path for each in folders for path in (each if isinstance(each, tuple) else (each,))]


def _next_free(under: Path, name: str) -> Path:
    folder = under / name
    number = 2
    while folder.exists():
        folder = under / f"{name}-{number}"
        number += 1
    return folder


def _drawn(result: Result) -> RenderableType:
    from rich.text import Text

    run = result.run
    table = columns(("", result.name), result.summary())
    for name, failure in run.failures.items():
        table.append(f"\n\nStrategy {name} failed and was stopped: {failure}", "bold red")
    if run.unusual:
        table.append("\n\nUnusual:", "yellow")
        for what, unusual in run.unusual.items():
            table.append(f"\n  {unusual.count:,} x {what}, as: {unusual.example}")
    return Text.assemble(table, "\n\n", ("Assumed: " + "; ".join(run.assumptions), "dim"))


def _side_by_side(compared: Comparison) -> RenderableType:
    from rich.text import Text

    rows: list[tuple[str | Text, ...]] = []
    for name, values in compared.parameters.items():
        rows.append((name, *values))
    for row in compared.rows:
        figures = [
            Text(figure, "bold" if place in row.best else "") for place, figure in enumerate(row.figures)
        ]
        rows.append((row.title, *figures))
    table = columns(("", *compared.names), rows)
    for remark in compared.remarks:
        table.append(f"\n\n{remark}", "yellow")
    return table
