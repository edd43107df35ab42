"""`xtrade run`: strategies at work, on paper or at venues, until somebody or something ends it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import cyclopts
from msgspec import Struct
from msgspec.structs import replace

from xtrade.app import exit_codes
from xtrade.app.config.flags import Overrides
from xtrade.app.output import Json, answer, columns, note
from xtrade.app.running import ParamFlag, SeedFlag, What, configured, named_values
from xtrade.model.errors import UsageError

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

    from xtrade.app.node import Ending, Node
    from xtrade.app.plan import Plan
    from xtrade.app.run_journal import RunJournal
    from xtrade.research.result import Result

__all__ = ["app"]

app = cyclopts.App(name="run", usage="xtrade run [OPTIONS] [WHAT]")

Seconds = Annotated[
    float | None,
    cyclopts.Parameter(
        name="--seconds", metavar="SECONDS", help="End after so long; without it, when you say."
    ),
]
Mode = Annotated[
    Literal["paper", "live"] | None,
    cyclopts.Parameter(name="--mode", metavar="MODE", help="paper or live; instead of engine.mode."),
]
Exit = Annotated[
    Literal["cancel", "leave", "flatten"] | None,
    cyclopts.Parameter(
        name="--on-exit", metavar="WHAT", help="cancel, leave or flatten; instead of engine.on_exit."
    ),
]
Speed = Annotated[
    str,
    cyclopts.Parameter(
        name="--speed", metavar="FACTOR", help="How fast simulated time passes: 60, or max. Not for live."
    ),
]
Plain = Annotated[
    bool,
    cyclopts.Parameter(
        name="--plain", negative="", show_default=False, help="Lines in place of the live view."
    ),
]
Yes = Annotated[
    bool,
    cyclopts.Parameter(
        name="--yes", negative="", show_default=False, help="Do not ask before trading real money."
    ),
]
Out = Annotated[
    Path | None,
    cyclopts.Parameter(
        name="--out", metavar="DIR", help="The folder to write; without it, the next free one in ./runs."
    ),
]


Resume = Annotated[
    bool,
    cyclopts.Parameter(
        name="--resume",
        negative="",
        show_default=False,
        help="Go on with this node's journal: journal.keep = node.",
    ),
]
Fresh = Annotated[
    bool,
    cyclopts.Parameter(
        name="--fresh",
        negative="",
        show_default=False,
        help="Put this node's journal aside, and begin a new one.",
    ),
]
Standby = Annotated[
    bool,
    cyclopts.Parameter(
        name="--standby",
        negative="",
        show_default=False,
        help="Wait until whoever holds the journal is gone, then go on (PostgreSQL).",
    ),
]
Activate = Annotated[
    bool,
    cyclopts.Parameter(
        name="--activate",
        negative="",
        show_default=False,
        help="Let trade again what was stopped in an earlier run; losses count from now.",
    ),
]


class Outcome(Struct, frozen=True):
    """What a run came to, for programs."""

    folder: str
    report: str
    ending: Any
    metrics: Mapping[str, Any]
    unusual: Mapping[str, Any]
    failures: Mapping[str, str]


@app.default
def run(
    what: What = None,
    /,
    *,
    seconds: Seconds = None,
    mode: Mode = None,
    on_exit: Exit = None,
    speed: Speed = "1",
    param: ParamFlag = (),
    seed: SeedFlag = None,
    set: Overrides = (),  # noqa: A002
    out: Out = None,
    resume: Resume = False,
    fresh: Fresh = False,
    standby: Standby = False,
    activate: Activate = False,
    plain: Plain = False,
    yes: Yes = False,
    json: Json = False,
) -> int:
    """Run strategies on paper: on the built-in exchange, among synthetic traders.

    A strategy is a built-in one (sma, quoter), or your own as FILE.py:Class; a configuration names several. While it
    runs a terminal shows quotes, positions, orders and profit. Ctrl-C ends it: open orders are canceled and the
    exchange is asked whether they are gone; a second Ctrl-C does not wait for that. Then the run is written to a folder
    like a back-test's, with its journal.

    With --speed time is virtual, and the same seed repeats every decision; at max it passes as fast as it can.

    A run on the built-in exchange, which begins anew with each process, has a journal of its own. With --resume, or
    where journal.place names one, a node goes on with its journal: positions, open orders, dials, and what losses
    count from. Nothing is ordered before the venues have said what became of it all.

    With --mode live orders go to the accounts under [venues]: at a box, a testnet, or with real money. There the
    node always goes on with its journal; real money also wants limits for every strategy, and a confirmation.

    **Examples**

    - `xtrade run examples/quickstart.toml --seconds 60`
    - `xtrade run quoter --set paper.world=busy --param half_spread=3`
    - `xtrade run examples/quickstart.toml --seconds 3600 --speed max`
    - `xtrade run examples/quickstart.toml --on-exit flatten`
    - `xtrade run desk.toml --standby`
    """
    from xtrade.app.emergency import halt_file_of
    from xtrade.app.journals import is_kept
    from xtrade.app.plan import must_be_limited, plan_of, trades_real_money
    from xtrade.app.run_journal import RunJournal
    from xtrade.research.report.page import write_report

    loaded = configured(what, seed=seed, overrides=set)
    engine = loaded.config.engine
    engine = replace(engine, mode=mode or engine.mode, on_exit=on_exit or engine.on_exit)
    if engine.mode == "live" and speed != "1":
        raise UsageError("--speed is for simulated time: real venues keep their own")
    config = replace(loaded.config, engine=engine)
    if resume or standby:
        config = replace(config, journal=replace(config.journal, keep="node"))
    factor = _factor(speed)
    if factor != 1 and (resume or standby or activate):
        raise UsageError(
            "--speed makes time up, and it begins anew with each run: so does the journal, and there is nothing to"
            " go on with"
        )
    if seconds is not None and seconds <= 0:
        raise UsageError(f"--seconds {seconds:g}: expected a time above zero")
    if seconds is None and speed == "max":
        raise UsageError("--speed max would run for ever: say how long with --seconds")
    kept = factor == 1 and is_kept(config)
    if activate and not kept:
        raise UsageError(
            "--activate is for a node that goes on, and this run has a journal of its own (--resume)"
        )
    halt_file_of().must_be_clear()
    if out is not None and out.exists():
        raise UsageError(f"{out} is already there: name another folder with --out")
    if trades_real_money(config):
        must_be_limited(config)
        _confirm(yes=yes)
    plan = plan_of(config, config.engine.name or loaded.name, named_values(param))
    if standby:
        _warm_up(plan)
    if kept:
        journal = RunJournal.of_node(plan, fresh=fresh, standby=standby, activate=activate)
        folder = out or _next_free(Path("runs"), plan.name)
    else:
        folder = out or _next_free(Path("runs"), plan.name)
        journal = RunJournal.of_run(plan, folder)
    node, ending = _play(plan, folder, journal, seconds=seconds, factor=factor, plain=plain, json=json)
    result = node.result()
    result.save(folder)
    journal.put_into(folder)
    report = write_report(result, folder / "report.html")
    outcome = Outcome(
        str(folder), str(report), ending, result.metrics, result.run.unusual, result.run.failures
    )
    answer(outcome, json=json, human=lambda: _summary(result, node, ending))
    note(f"Wrote {folder}: open {report} in a browser")
    well = ending.clean and not ending.killed and not result.run.failures
    return exit_codes.OK if well else exit_codes.NO


def _play(
    plan: Plan,
    folder: Path,
    journal: RunJournal,
    *,
    seconds: float | None,
    factor: float | None,
    plain: bool,
    json: bool,
) -> tuple[Node, Ending]:
    """Run the plan in wall time, or in virtual time at another speed; show it meanwhile."""
    from xtrade.app.emergency import halt_file_of, nodes_dir
    from xtrade.app.node import Node
    from xtrade.app.presence import present
    from xtrade.app.run_view import Lines, Screen, wants_screen
    from xtrade.ops.logs import configure
    from xtrade.runtime.pace import Pace
    from xtrade.runtime.real import run as run_real
    from xtrade.runtime.virtual import run_virtual

    screen = Screen(seconds=seconds, on_exit=plan.on_exit) if wants_screen(plain=plain, json=json) else None
    show: Callable[[Node], object] = screen or Lines(10.0 if factor == 1 else 600.0)
    # In real time the view looks at the run from the loop, in virtual time from between its steps.
    pace = None if factor == 1 else Pace(factor, on_frame=lambda: show(node))
    note(f"Running {plan.name} {_where(plan)} (the first start on a machine compiles for a while)")
    # What the stop says step by step is in the summary: only what went wrong is said at once.
    level = plan.config.log.level
    quiet = replace(plan.config.log, level="warning" if level == "info" else level)
    reason = ""
    try:
        with (
            present(nodes_dir(), plan.name) as presence,
            screen or nullcontext(),
            configure(quiet, run_id=folder.name),
        ):
            node = Node(
                plan,
                journal=journal.written,
                handover=journal.handover,
                baseline_file=journal.baseline_file,
                halt_file=halt_file_of(),
                flattened=presence.flattened,
                tell_loop=None if pace is None else pace.soon,
            )
            with node.watched(signals=True):
                if pace is None:
                    ending = run_real(partial(node.run, seconds, signals=True, watch=show))
                else:
                    main = partial(node.run, seconds, signals=True)
                    ending = run_virtual(main, seed=plan.seed, pick="first", pace=pace)
            reason = ending.reason
            return node, ending
    finally:
        journal.written.close(reason)


def _warm_up(plan: Plan) -> None:
    """Load and compile before the wait what a start needs: so a standby orders within a fraction of a second."""
    import xtrade.app.run_view
    import xtrade.ops.logs
    import xtrade.runtime.real  # noqa: F401
    from xtrade.runtime.virtual import run_virtual

    if plan.place.mode == "live":
        return  # it was there to look at the accounts

    async def connect() -> None:
        for venue in plan.venues().values():
            await venue.start(lambda _: None)
            await venue.stop()

    run_virtual(connect, seed=plan.seed)


def _factor(speed: str) -> float | None:
    """Read a speed: None for as fast as it goes."""
    if speed == "max":
        return None
    try:
        factor = float(speed)
    except ValueError:
        factor = 0.0
    if not 0.001 <= factor <= 1_000_000:
        raise UsageError(f"--speed {speed}: expected a number from 0.001 to 1000000, or max")
    return factor


def _confirm(*, yes: bool) -> None:
    """Ask before real money is traded."""
    import sys

    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("--mode live trades real money: confirm at a terminal, or give --yes")
    if input("This trades real money. Type yes to go on: ").strip() != "yes":
        raise UsageError("not confirmed: nothing was sent")


def _where(plan: Plan) -> str:
    if plan.place.mode == "paper":
        return f"on paper: {', '.join(plan.keys)}"
    return "live: " + ", ".join(
        f"{account.venue} ({account.environment})" for account in plan.config.venues.values()
    )


def _next_free(under: Path, name: str) -> Path:
    from xtrade.app.run_journal import under_way

    folder = under / name
    number = 2
    while folder.exists() or under_way(folder).exists():
        folder = under / f"{name}-{number}"
        number += 1
    return folder


def _summary(result: Result, node: Node, ending: Ending) -> RenderableType:
    from rich.text import Text

    table = columns(("", result.name), result.summary())
    table.append(f"\n\nEnded because {_reason(ending.reason)}. ", "bold")
    table.append_text(_left(ending, node))
    for line in ending.killed:
        table.append(f"\n{line}", "green" if ending.flat else "bold red")
    if ending.killed:
        table.append("\nNothing starts until `xtrade kill --clear`.", "yellow")
    for name, failure in result.run.failures.items():
        table.append(f"\n\nStrategy {name} failed and was stopped: {failure}", "bold red")
    if result.run.unusual:
        table.append("\n\nUnusual:", "yellow")
        for what, unusual in result.run.unusual.items():
            table.append(f"\n  {unusual.count:,} x {what}")
    return Text.assemble(table, "\n\n", ("Assumed: " + "; ".join(result.run.assumptions), "dim"))


def _reason(reason: str) -> str:
    return {"SIGINT": "Ctrl-C was pressed", "SIGTERM": "the process was asked to end"}.get(reason, reason)


def _left(ending: Ending, node: Node) -> Text:
    """Say what is left at the venues."""
    from rich.text import Text

    closing = ending.closing
    if closing is None:
        return Text("The stop was cut short: ask the venues what is left there.", "bold red")
    text = Text()
    venues = ", ".join(node.venues)
    for what, left in (("order", closing.orders), ("position", closing.positions)):
        if left:
            listed = "; ".join(each.what for each in left)
            text.append(f"Left at the venue: {listed}. ", "yellow")
        else:
            text.append(f"No {what} is left, says {venues}. ", "green")
    for problem in closing.problems:
        text.append(f"\nProblem: {problem}", "bold red")
    for step in ending.steps:
        if step.outcome != "done":
            text.append(
                f"\nThe step {step.name!r} of the stop was {step.outcome}: {step.error or ''}", "bold red"
            )
    return text
