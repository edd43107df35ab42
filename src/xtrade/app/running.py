"""What the commands that run strategies share: naming what to run, and showing how far it has come.

configured   a configuration from a file, or from a strategy's name and some flags
following    a progress bar on standard error while something long runs
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

from cyclopts import Parameter
from msgspec.structs import replace

from xtrade.app.config.load import load
from xtrade.app.config.model import Config, DataConfig, StrategyConfig
from xtrade.model.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from rich.progress import Progress as Bar, TaskID

    from xtrade.research.playback import Progress

__all__ = [
    "BarsFlag",
    "CompiledFlag",
    "DataFlag",
    "Following",
    "HoursFlag",
    "InstrumentFlag",
    "ParamFlag",
    "SeedFlag",
    "What",
    "configured",
    "following",
    "named_values",
    "warmed_up",
]

CONFIGURATION_FILES: Final = (".toml", ".yaml", ".yml", ".json")

What = Annotated[
    str | None,
    Parameter(help="A configuration file, a built-in strategy, FILE.py:Class or module:Class."),
]
DataFlag = Annotated[
    tuple[str, ...],
    Parameter(
        name="--data",
        metavar="DATA",
        negative="",
        show_default=False,
        help="A file, or a synthetic world by its name; several files of one instrument belong together.",
    ),
]
InstrumentFlag = Annotated[
    str | None,
    Parameter(name="--instrument", metavar="VENUE:SYMBOL", help="What the files are of."),
]
BarsFlag = Annotated[
    str | None,
    Parameter(name="--bars", metavar="INTERVAL", help="Play bars of this interval, such as 1m."),
]
HoursFlag = Annotated[
    float | None, Parameter(name="--hours", metavar="HOURS", help="How long synthetic data are.")
]
ParamFlag = Annotated[
    tuple[str, ...],
    Parameter(
        name="--param",
        metavar="NAME=VALUE",
        negative="",
        show_default=False,
        help="A parameter of the strategy; may be given several times.",
    ),
]
CompiledFlag = Annotated[
    bool,
    Parameter(
        name="--compiled",
        negative="",
        show_default=False,
        help="Play the strategy's compiled form: the same result, sooner.",
    ),
]
SeedFlag = Annotated[
    int | None, Parameter(name="--seed", metavar="NUMBER", help="What every random stream starts from.")
]


class Configured(NamedTuple):
    """A configuration, and what to call a run of it."""

    config: Config
    name: str


def configured(
    what: str | None,
    *,
    data: Iterable[str] = (),
    instrument: str | None = None,
    bars: str | None = None,
    hours: float | None = None,
    seed: int | None = None,
    overrides: Iterable[str] = (),
) -> Configured:
    """Return what a command line asks to run."""
    worlds, files = _sorted_out(tuple(data), instrument)
    if files:
        # As options, so that --set data.files.accept=… and its like can say more; their names may have commas in them.
        named = ("data.files.files=named_below", f"data.files.instrument={instrument}")
        overrides = (*named, *overrides)
    if what is None or what.endswith(CONFIGURATION_FILES):
        loaded = load(what, overrides=overrides)
        config = loaded.config
        name = (loaded.file or Path("backtest")).stem
    else:
        config = load(overrides=overrides).config
        name = _short(what)
        config = replace(config, strategies={name: StrategyConfig(strategy=what)})
    if files:
        config = replace(config, data={"files": replace(config.data["files"], files=files)})
    elif worlds:
        config = replace(config, data={each.replace("-", "_"): DataConfig(synthetic=each) for each in worlds})
    elif instrument is not None:
        raise UsageError("--instrument says what files are of: give them with --data FILE")
    elif not config.data:
        config = replace(config, data={"busy": DataConfig(synthetic="busy")})
    if bars is not None or hours is not None:
        config = replace(
            config,
            data={
                key: replace(each, bars=bars or each.bars, hours=each.hours if hours is None else hours)
                for key, each in config.data.items()
            },
        )
    if seed is not None:
        config = replace(config, engine=replace(config.engine, seed=seed))
    return Configured(config, name)


def named_values(given: Iterable[str]) -> dict[str, object]:
    """Read NAME=VALUE as it is written on the command line."""
    found: dict[str, object] = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"--param {each}: expected NAME=VALUE, as --param fast=10")
        found[name.strip()] = value
    return found


class Following:
    """How a command tells how far it has come."""

    def __init__(self, bar: Bar | None = None, task: TaskID | None = None) -> None:
        self._bar = bar
        self._task = task

    def stage(self, name: str) -> None:
        """Begin the next part of the work."""
        if self._bar is not None and self._task is not None:
            self._bar.reset(self._task, description=name, total=None, rate="")

    def compiling(self, done: int, count: int) -> None:
        """Tell how far the compiler has come."""
        if self._bar is None or self._task is None:
            return
        self._bar.update(
            self._task,
            description="compiling the simulator, once on this machine",
            total=count,
            completed=done,
            rate="",
        )

    def progress(self, at: Progress) -> None:
        """Tell how far a run has come: its rate is time of the data in a second of ours."""
        if self._bar is None or self._task is None:
            return
        played, whole = at.at_ns - at.start_ns, at.end_ns - at.start_ns
        speed = self._bar.tasks[0].speed
        rate = f"{speed / 1e9:,.0f} x real time" if speed else ""
        self._bar.update(self._task, total=whole, completed=played, rate=rate)


@contextmanager
def following(stage: str) -> Iterator[Following]:
    """Show a progress bar on standard error, where that is a terminal."""
    if not sys.stderr.isatty():
        yield Following()
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress as Bar, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        yield Following(bar, bar.add_task(stage, total=None, rate=""))


def warmed_up(tell: Following, config: Config) -> None:
    """Compile what a replay of its bars or tapes runs, if that was not done before on this machine, and show it."""
    from xtrade.sim import warming

    warming.warm_up(tell.compiling, bars=any(each.bars is not None for each in config.data.values()))


def _short(what: str) -> str:
    place, _, name = what.rpartition(":")
    return (name if place else Path(what).stem).lower()


def _sorted_out(given: tuple[str, ...], instrument: str | None) -> tuple[list[str], list[str]]:
    """Tell synthetic worlds and files apart; a command plays one or the other."""
    from xtrade.sim.synthetic.presets import presets

    worlds = [each for each in given if each in presets() and not Path(each).exists()]
    files = [each for each in given if each not in worlds]
    if worlds and files:
        raise UsageError(
            f"--data {worlds[0]} is generated and --data {files[0]} a file: play one or the other"
        )
    for each in files:
        if not Path(each).exists():
            raise UsageError(
                f"--data {each}: there is no such file, and no synthetic world of that name: {', '.join(presets())}"
                f"{did_you_mean(each, presets())}"
            )
    if files and instrument is None:
        raise UsageError(
            f"--data {files[0]}: say what it is of with --instrument VENUE:SYMBOL (or name a synthetic world:"
            f" {', '.join(presets())})"
        )
    return worlds, files
