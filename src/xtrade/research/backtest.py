"""A back-test: strategies, data, assumptions; out comes a result.

    result = backtest(Quoter(params), tape)

The engine, the strategies and the risk gate are those that trade live; only the market is a recorded one.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias, TypeVar, cast

import msgspec
import numpy as np

from xtrade.model.errors import DataError, UsageError
from xtrade.model.money import Money
from xtrade.research.compiled import play_compiled
from xtrade.research.fingerprint import fingerprint, fingerprint_of_bytes
from xtrade.research.playback import BarMarket, Market, TapeMarket, Teller, play
from xtrade.research.recorder import Recorder
from xtrade.research.recording import Recording, StrategyRun
from xtrade.research.result import Result
from xtrade.research.sampling import around_fills, grid_ns, sample_bars, sample_tape
from xtrade.runtime import chance
from xtrade.runtime.ids import BITS_63, ClientOrderIds, MemoryMark
from xtrade.sim.bars.assumptions import BarAssumptions
from xtrade.sim.bars.columns import Bars
from xtrade.sim.bars.replay import BarReplay
from xtrade.sim.bars.tape import BarTape
from xtrade.sim.replay.models import Assumptions
from xtrade.sim.replay.replay import Replay
from xtrade.sim.replay.tape import Tape
from xtrade.trading.engine import Engine
from xtrade.trading.risk import DeskLimits, Limits
from xtrade.trading.strategy import Strategy

__all__ = ["DEFAULT_CAPITAL", "backtest", "run_of"]

A = TypeVar("A", Assumptions, BarAssumptions)
Assumed: TypeAlias = (
    Assumptions | BarAssumptions | Mapping[str, Assumptions] | Mapping[str, BarAssumptions] | None
)

DEFAULT_CAPITAL: Final = Money.of(10_000, "USDT")


def backtest(
    strategies: Strategy[Any] | Mapping[str, Strategy[Any]],
    data: Tape | BarTape | Bars | Sequence[Bars],
    *,
    assumptions: Assumed = None,
    limits: Mapping[str, Limits] | None = None,
    desk_limits: DeskLimits | None = None,
    capital: Money = DEFAULT_CAPITAL,
    seed: int = 0,
    about: Iterable[str] = (),
    config: Mapping[str, object] | None = None,
    name: str = "",
    tell: Teller | None = None,
    compiled: bool = False,
) -> Result:
    """Play data to strategies, and return what became of it.

    `about` says in words where the data come from, and `config` what they were configured by; `name` is what the
    result is called, and `tell` is told how far the run has come. With `compiled`, the strategy's compiled form is
    played: the same result, much sooner (docs/compiled-strategies.md).
    """
    named = (
        {type(strategies).__name__.lower(): strategies} if isinstance(strategies, Strategy) else strategies
    )
    if not named:
        raise UsageError("a back-test needs a strategy")
    tape = data if isinstance(data, Tape | BarTape) else BarTape.of(data)
    assumed = _assumed(tape, assumptions)
    start_ns, end_ns = _span(tape)
    if compiled and desk_limits is not None and desk_limits.has_any:
        raise UsageError(
            "limits of the desk are not known to a kernel: play it without compiled=True (or --compiled)"
        )
    if compiled:
        recorder = play_compiled(named, tape, assumed, limits or {})
    else:
        recorder = _play(named, tape, assumed, limits, desk_limits, seed, tell)
    times = np.concatenate([grid_ns(start_ns, end_ns), around_fills(recorder.fills)])
    times = np.unique(times[(times >= start_ns) & (times <= end_ns)])
    recording = Recording(
        instruments=dict(zip(tape.keys, tape.instruments, strict=True)),
        strategies={name: run_of(each, recorder.failures.get(name)) for name, each in named.items()},
        capital=capital,
        samples=sample_tape(tape, times) if isinstance(tape, Tape) else sample_bars(tape, times),
        start_ns=start_ns,
        end_ns=end_ns,
        orders=recorder.orders(),
        fills=recorder.fills,
        funding=recorder.funding,
        unusual=recorder.unusual,
        seed=seed,
        assumptions=_told_once({key: each.in_words for key, each in assumed.items()}),
        data=tuple(about),
        config=config or {},
    )
    made_of = fingerprint(recording, data=_fingerprint_of_data(tape))
    return Result.of(recording, name=name, fingerprint=made_of)


def _fingerprint_of_data(tape: Tape | BarTape) -> str:
    return fingerprint_of_bytes(
        [tape.rows.data] if isinstance(tape, Tape) else [each.block.data for each in tape.bars]
    )


def run_of(strategy: Strategy[Any], failure: str | None) -> StrategyRun:
    """Return what a recording keeps of a strategy, and of how it failed."""
    try:
        source = inspect.getsourcefile(type(strategy))
    except (OSError, TypeError):
        source = None  # typed at a prompt
    params = msgspec.to_builtins(strategy.params)
    return StrategyRun(params=params, source=source or "", failure=failure)


def _play(
    strategies: Mapping[str, Strategy[Any]],
    tape: Tape | BarTape,
    assumed: Mapping[str, Assumptions] | Mapping[str, BarAssumptions],
    limits: Mapping[str, Limits] | None,
    desk_limits: DeskLimits | None,
    seed: int,
    tell: Teller | None,
) -> Recorder:
    """Play data to strategies on an engine, and return what was written down."""
    market = _market(tape, assumed)
    recorder = Recorder()
    ids = ClientOrderIds(MemoryMark(BITS_63), lambda: engine.now_ns)
    engine = Engine(
        strategies, market, market.replay, ids=ids, limits=limits, desk_limits=desk_limits, journal=recorder
    )
    recorder.portfolio = engine.portfolio
    with chance.using(chance.Streams(seed)):
        play(engine, market, tell=tell)
    for what, count in engine.unusual.items():
        recorder.count(what, "see the journal of the run", count)
    return recorder


def _market(
    tape: Tape | BarTape, assumed: Mapping[str, Assumptions] | Mapping[str, BarAssumptions]
) -> Market:
    if isinstance(tape, Tape):
        return TapeMarket(tape, Replay(tape, cast("Mapping[str, Assumptions]", assumed)))
    return BarMarket(tape, BarReplay(tape, cast("Mapping[str, BarAssumptions]", assumed)))


def _span(tape: Tape | BarTape) -> tuple[int, int]:
    """Return the time of the data."""
    if isinstance(tape, Tape):
        return int(tape.rows["local_ns"][0]), int(tape.rows["local_ns"][-1])
    return (
        min(int(bars.start_ns[0]) for bars in tape.bars),
        max(int(bars.start_ns[-1]) + bars.interval_ns for bars in tape.bars),
    )


def _assumed(
    tape: Tape | BarTape, assumptions: Assumed
) -> Mapping[str, Assumptions] | Mapping[str, BarAssumptions]:
    """Return what is assumed of each market that the data make."""
    if isinstance(tape, Tape):
        if not len(tape.rows):
            raise DataError("there is nothing to play: the data have no rows")
        return _of_kind(Assumptions, assumptions, tape.keys, "books and trades")
    if not tape.keys or not all(len(bars) for bars in tape.bars):
        raise DataError("there is nothing to play: the data have no bars")
    return _of_kind(BarAssumptions, assumptions, tape.keys, "bars")


def _of_kind(kind: type[A], assumptions: Assumed, keys: Iterable[str], what: str) -> dict[str, A]:
    """Return assumptions for each instrument, all of the kind that the data need."""
    given = assumptions if isinstance(assumptions, Mapping) else dict.fromkeys(keys, assumptions or kind())
    for key, each in given.items():
        if not isinstance(each, kind):
            raise UsageError(
                f"{key}: the data are {what}, and are played with {kind.__name__}, not {type(each).__name__}"
            )
    return {key: given.get(key) or kind() for key in keys}  # type: ignore[misc]


def _told_once(words: Mapping[str, str]) -> tuple[str, ...]:
    """Say once what is assumed of all."""
    if len(set(words.values())) == 1:
        return (next(iter(words.values())),)
    return tuple(f"{key}: {said}" for key, said in words.items())
