"""`xtrade sweep`: try many parameters on every core, and say how much of the best is luck."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import cyclopts

from xtrade.app import exit_codes
from xtrade.app.config.flags import Overrides
from xtrade.app.output import Json, answer, console, note
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
    following,
    named_values,
    warmed_up,
)
from xtrade.model.errors import UsageError

if TYPE_CHECKING:
    from xtrade.research.sweep.result import SweepResult
    from xtrade.research.sweep.walk_result import WalkForwardResult

__all__ = ["app", "sweep"]

app = cyclopts.App(name="sweep", usage="xtrade sweep [OPTIONS] [WHAT]")

Try = Annotated[
    tuple[str, ...],
    cyclopts.Parameter(
        name="--try",
        metavar="NAME=VALUES",
        negative="",
        show_default=False,
        help="A parameter and its values: fast=5:50:5, fast=5,10,20, size=0.1..1.",
    ),
]
Where = Annotated[
    tuple[str, ...],
    cyclopts.Parameter(
        name="--where", metavar="RULE", negative="", show_default=False, help="What must hold, as fast<slow."
    ),
]
SearchFlag = Annotated[
    Literal["grid", "random", "optuna"],
    cyclopts.Parameter(name="--search", help="How trials are chosen; optuna is an extra of its own."),
]
Trials = Annotated[int | None, cyclopts.Parameter(name="--trials", help="How many, for random and optuna.")]
ObjectiveFlag = Annotated[
    str,
    cyclopts.Parameter(name="--objective", metavar="METRIC", help="The metric to be as large as possible."),
]
ExecutorFlag = Annotated[
    Literal["local", "ray"],
    cyclopts.Parameter(name="--on", help="Where trials run: processes here, or a Ray cluster."),
]
Workers = Annotated[
    int | None, cyclopts.Parameter(name="--workers", help="How many processes; one for each core by default.")
]
WalkForward = Annotated[
    str | None,
    cyclopts.Parameter(
        name="--walk-forward",
        metavar="TRAIN/TEST",
        help="Choose on one stretch of time, judge on the next, and go on: 20d/5d.",
    ),
]
Out = Annotated[
    Path | None,
    cyclopts.Parameter(
        name="--out", metavar="DIR", help="The folder that remembers trials; the same again goes on there."
    ),
]


@app.default
def sweep(
    what: What = None,
    /,
    *,
    try_: Try = (),
    where: Where = (),
    search: SearchFlag = "grid",
    trials: Trials = None,
    objective: ObjectiveFlag = "sharpe",
    walk_forward: WalkForward = None,
    on: ExecutorFlag = "local",
    workers: Workers = None,
    compiled: CompiledFlag = False,
    data: DataFlag = (),
    instrument: InstrumentFlag = None,
    bars: BarsFlag = None,
    hours: HoursFlag = None,
    param: ParamFlag = (),
    seed: SeedFlag = None,
    set: Overrides = (),  # noqa: A002
    out: Out = None,
    json: Json = False,
) -> int:
    """Try many parameters of a strategy, and say how much of the best one is luck.

    The folder remembers every trial: the same command started again runs only what is missing. Beside the best, it says
    what as many tries would have found on noise (the deflated Sharpe ratio), and whether its neighbours agree. The exit
    code is 1 if no trial has the figure.

    **Examples**

    - `xtrade sweep examples/sma.toml --try fast=8:40:8 --try slow=48,96`
    - `xtrade sweep quoter --try skew=0:2:1 --objective net_profit`
    - `xtrade sweep examples/sma.toml --try fast=4,8 --walk-forward 30d/10d`
    - `xtrade sweep quoter --try half_spread=1:8:1 --compiled`
    """
    from xtrade.app.trials import BacktestTrial, code_of, made_of, span_of
    from xtrade.model.durations import duration_ns
    from xtrade.research.sweep.space import Space
    from xtrade.research.sweep.sweep import sweep as run_sweep
    from xtrade.research.sweep.walk_forward import walk_forward as run_walk

    loaded = configured(
        what, data=data, instrument=instrument, bars=bars, hours=hours, seed=seed, overrides=set
    )
    if not try_:
        raise UsageError("a sweep needs something to try: --try NAME=VALUES, as --try fast=5:50:5")
    space = Space.parse(try_, where)
    fixed = {name: str(value) for name, value in named_values(param).items()}
    trial = BacktestTrial(loaded.config, fixed, compiled)
    folder = out or Path("sweeps") / loaded.name
    code, data_of_it = code_of(loaded.config), made_of(loaded.config, fixed)
    # Here, where it can be shown: the processes of the trials then find machine code.
    with following("warming up") as tell:
        warmed_up(tell, loaded.config)
    result: SweepResult | WalkForwardResult
    if walk_forward is None:
        result = run_sweep(
            trial,
            space,
            search=search,
            trials=trials,
            seed=loaded.config.engine.seed,
            objective=objective,
            executor=on,
            workers=workers,
            store=folder,
            code=code,
            data=data_of_it,
            name=loaded.name,
        )
    else:
        train, slash, test = walk_forward.partition("/")
        if not slash:
            raise UsageError(f"--walk-forward {walk_forward}: expected TRAIN/TEST, as 30d/10d")
        result = run_walk(
            trial,
            space,
            span_of(loaded.config),
            train_ns=duration_ns(train),
            test_ns=duration_ns(test),
            search=search,
            trials=trials,
            seed=loaded.config.engine.seed,
            objective=objective,
            executor=on,
            workers=workers,
            store=folder,
            code=code,
            data=data_of_it,
            name=loaded.name,
        )
    pages = result.save(folder)
    if json:
        answer(result.summary(), json=True, human=str)
    else:
        _show(result)
    note(f"Wrote {', '.join(map(str, pages))}")
    return exit_codes.OK if result.has_found else exit_codes.NO


def _show(result: SweepResult | WalkForwardResult) -> None:
    from xtrade.research.sweep.result import SweepResult

    screen = console()
    if isinstance(result, SweepResult):
        shown = dict.fromkeys([result.objective.metric, "net_profit", "max_drawdown", "fills"])
        screen.print(result.table(metrics=list(shown)))
        if (heat := result.drawn_map()) is not None:
            screen.print(heat)
        for line in result.notes():
            screen.print(line)
    else:
        screen.print(result.table())
