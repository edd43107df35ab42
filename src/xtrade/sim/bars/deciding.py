"""A decision, written as a plain function, compiled into the loop that plays the bars.

    def decide(world, columns, row, params, state): ...

It is called whenever bars closed. `columns` has the bars (xtrade.sim.bars.layout: OPEN, HIGH, LOW, CLOSE, VOLUME, SUM),
`row` is the column of the one that closed; to the right of it lies the future, which nobody stops it from reading.
`params` are its numbers, `state` are numbers that it keeps between two calls. It acts through xtrade.sim.bars.desk,
and may use what numba compiles without allocating: numbers, loops, the arrays that it is given.

player       the compiled loop for one decision; kept on disk, so that the next process starts at once
fingerprint  what a decision is made of: its code, and the code and constants that it reaches
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from types import CodeType, FunctionType, ModuleType
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from xtrade.model.errors import UsageError
from xtrade.sim.bars.figures import figure
from xtrade.sim.bars.kernel import advance
from xtrade.sim.bars.layout import (
    ALIVE,
    CLOSE_NS,
    CLOSED,
    END,
    FUNDING_NS,
    INTERVAL_NS,
    JUST_CLOSED,
    MARKET_COUNT,
    MARKET_WORDS,
    MARKETS,
    NEVER,
    NOW,
    OPEN,
    OPEN_NS,
    ROW,
    START,
    TOUCHED,
    Columns,
    World,
)
from xtrade.sim.replay.blocks import Where, block
from xtrade.sim.replay.compiled import NumbaError, kernel_known_by, part
from xtrade.sim.replay.layout import Reason

__all__ = ["Decide", "Player", "Reals", "fingerprint", "first_call", "plain", "player"]

Reals: TypeAlias = NDArray[np.float64]
Decide: TypeAlias = Callable[[Where, Columns, int, Reals, Reals], None]
Player: TypeAlias = Callable[[Where, Columns, Reals, Reals, int], int]

_BAR: Final = int(Reason.BAR)
_STOP: Final = int(Reason.TIME | Reason.END | Reason.FILLS_FULL | Reason.FAULT)
_LINE: Final = 7
"""A line of the processor's cache holds the opens of eight bars."""


@lru_cache(maxsize=256)
def player(decide: Decide) -> Player:
    """Return the loop that plays all bars and decides by this function; compiled when it is first called."""
    decided = kernel_known_by(plain(decide), None)

    def play(world_at: Where, columns: Columns, params: Reals, state: Reals, until: int) -> int:
        """Play to a time, to the end of the bars, or until the log is half full; return why."""
        world = block(world_at)
        market = world[MARKETS]
        # While no order is alive a bar only passes: nothing is asked of the rest of the kernel.
        passes = world[market + END] if world[MARKET_COUNT] == 1 else 0
        interval = world[market + INTERVAL_NS]
        touched = 0
        while True:
            row = world[market + ROW]
            stops = min(world[market + FUNDING_NS], until)
            while world[ALIVE] == 0 and row < passes:
                ns = columns[START, row] + interval
                if ns >= stops:
                    break
                if row & _LINE == 0:
                    # Orders ask for an open now and then; read on and on, opens are in the cache by then.
                    touched += columns[OPEN, row]
                world[market + CLOSED] = row
                world[market + JUST_CLOSED] = 1
                world[NOW] = ns
                decided(world_at, columns, row, params, state)
                row += 1
            if row != world[market + ROW]:
                _passed(world, market, row)
            world[TOUCHED] = touched
            reasons = advance(world_at, until)
            if reasons & _BAR != 0:
                decided(world_at, columns, _row(world), params, state)
            if reasons & _STOP != 0:
                return reasons

    return kernel_known_by(play, fingerprint(decide))


def first_call(decide: Callable[..., None], call: Callable[[], None]) -> None:
    """Call a player for the first time; a decision that cannot be compiled is a UsageError that names it."""
    try:
        call()
    except NumbaError as error:
        name = getattr(decide, "__name__", repr(decide))
        raise UsageError(f"the decision {name} cannot be compiled: {error}") from error


@part
def _passed(world: World, market: int, row: int) -> None:
    """Go on at the bar of `row`: those before it opened and closed, and concerned nobody."""
    world[market + ROW] = row
    world[market + CLOSE_NS] = NEVER
    world[market + OPEN_NS] = figure(world, START, row) if row < world[market + END] else NEVER


@part
def _row(world: World) -> int:
    """Return the column of the bar that just closed; of several, that of the first instrument."""
    markets = world[MARKETS]
    for market in range(markets, markets + world[MARKET_COUNT] * MARKET_WORDS, MARKET_WORDS):
        if world[market + JUST_CLOSED] != 0:
            return int(world[market + CLOSED])
    return -1


# -- what a decision is made of --------------------------------------------------------------------------------------


def fingerprint(decide: Callable[..., None]) -> str | None:
    """Name a decision by everything that its machine code depends on; None if that cannot be told.

    Code of the simulator itself and of numpy is left to the stamp of the sources and to their versions.
    """
    try:
        words = list(_words_of(plain(decide), set()))
    except _Unknown:
        return None
    return hashlib.sha256("\n".join([np.__version__, *words]).encode()).hexdigest()


class _Unknown(Exception):
    """Something that a function reaches and that has no lasting name."""


def plain(function: Any) -> Any:
    """Return the Python function behind one that numba compiled."""
    return getattr(function, "py_func", function)


def _words_of(function: Any, seen: set[int]) -> Iterator[str]:
    if id(function) in seen:
        return
    seen.add(id(function))
    if not isinstance(function, FunctionType):
        raise _Unknown
    yield function.__qualname__
    yield repr(function.__defaults__)
    names = list(_code_words(function.__code__))
    yield from names
    cells = function.__closure__ or ()
    reached = dict(zip(function.__code__.co_freevars, (cell.cell_contents for cell in cells), strict=True))
    for name in sorted(_names(function.__code__)):
        if name in function.__globals__:
            reached[name] = function.__globals__[name]
    for name, value in reached.items():
        yield name
        yield from _value_words(value, function.__code__, seen)


def _value_words(value: Any, code: CodeType, seen: set[int]) -> Iterator[str]:
    found = plain(value)
    if isinstance(found, ModuleType):
        yield found.__name__
        if not _is_stamped(found.__name__):
            for name in sorted(_names(code) & set(vars(found))):
                yield from _value_words(getattr(found, name), code, seen)
    elif isinstance(found, FunctionType):
        if _is_stamped(found.__module__):
            yield f"{found.__module__}.{found.__qualname__}"
        else:
            yield from _words_of(found, seen)
    elif isinstance(found, np.ndarray):
        yield f"{found.dtype}{found.shape}{found.tobytes().hex()}"
    elif isinstance(found, type) or callable(found):
        if not _is_stamped(getattr(found, "__module__", None) or "?"):
            raise _Unknown
        yield repr(getattr(found, "__qualname__", found))
    elif isinstance(found, (bool, int, float, str, bytes, tuple, type(None), np.generic)):
        yield repr(found)
    else:
        raise _Unknown


def _is_stamped(module: str) -> bool:
    # Of xtrade only the simulator: a built-in strategy may change like any other.
    return module.partition(".")[0] in {"builtins", "math", "numba", "numpy"} or module.startswith(
        "xtrade.sim."
    )


@cache
def _names(code: CodeType) -> frozenset[str]:
    """Return the global names and attributes that a code object and those inside it speak of."""
    inner = [_names(const) for const in code.co_consts if isinstance(const, CodeType)]
    return frozenset(code.co_names).union(*inner)


def _code_words(code: CodeType) -> Iterator[str]:
    yield code.co_code.hex()
    yield repr(code.co_varnames)
    yield repr(code.co_names)
    for const in code.co_consts:
        if isinstance(const, CodeType):
            yield from _code_words(const)
        else:
            yield repr(const)
