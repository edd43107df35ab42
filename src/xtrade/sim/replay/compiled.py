"""Compile a plain function with numba, and remember the machine code across processes.

numba's own cache looks at the file of the function alone, and would go on running an old `ladder` inside an
unchanged `kernel`. Here one stamp covers every file of the simulator. With NUMBA_DISABLE_JIT=1 nothing is compiled:
the same functions run as they stand, for debuggers and coverage.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar, cast

import numba
from numba.core import caching, errors, types
from numba.core.compiler import Compiler
from typing_extensions import override

from xtrade.sim.replay.parts import KernelCompiler, PartCompiler

__all__ = ["KERNELS", "direct", "kernel", "kernel_known_by", "part"]

# numba's stubs know neither `_nrt` nor these helpers.
_njit: Any = numba.njit
_plain: Any = types.unliteral

NumbaError = errors.NumbaError

KERNELS: Final[list[str]] = []
"""The full names of kernels and their parts, in the order in which their modules were imported."""

P = ParamSpec("P")
R = TypeVar("R")


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile `function`, which may only work on numbers and flat arrays."""
    dispatcher = _dispatcher(function, KernelCompiler)
    KERNELS.append(f"{function.__module__}.{function.__qualname__}")
    if dispatcher is not function:  # not under NUMBA_DISABLE_JIT
        dispatcher._cache = _new_cache(function)  # noqa: SLF001  (where enable_caching() puts its own)
        _compile_once(dispatcher)
    return cast("Callable[P, R]", dispatcher)


def part(function: Callable[P, R]) -> Callable[P, R]:
    """Compile `function` as a part of kernels. Python cannot call it, and each kernel has it inside."""
    dispatcher = _dispatcher(function, PartCompiler)
    KERNELS.append(f"{function.__module__}.{function.__qualname__}")
    if dispatcher is not function:
        _compile_once(dispatcher)
    return cast("Callable[P, R]", dispatcher)


def kernel_known_by(function: Callable[P, R], fingerprint: str | None) -> Callable[P, R]:
    """Compile a function made by another one. What it closed over is known by its fingerprint; None keeps no cache.

    Such a function plays a whole run, and lets other threads play theirs meanwhile.
    """
    dispatcher = _dispatcher(function, nogil=True)
    if dispatcher is not function and fingerprint is not None:
        dispatcher._cache = _new_keyed_cache(function, fingerprint)  # noqa: SLF001
    return cast("Callable[P, R]", dispatcher)


def direct(function: Callable[P, R], arguments: int) -> Callable[P, R]:
    """Return a kernel of so many whole numbers as what Python calls fastest.

    At each call numba looks at the arguments to find the version of the function that fits them: that takes as long as
    all the rest of a call, and here there is one.
    """
    compiled: Any = function
    if not hasattr(compiled, "py_func"):  # under NUMBA_DISABLE_JIT
        return function
    return cast("Callable[P, R]", compiled.compile((types.int64,) * arguments))


def _dispatcher(function: Any, passes: Any = Compiler, *, nogil: bool = False) -> Any:
    # Kernels own no memory (no reference counts) and divide by nothing that may be zero (no checks).
    return _njit(nogil=nogil, error_model="numpy", _nrt=False, pipeline_class=passes)(function)


def _compile_once(dispatcher: Any) -> None:
    """Compile for the types of arguments, not again for each constant that somebody passes: half the cold start."""
    template = dispatcher.get_call_template

    def for_types(args: tuple[Any, ...], kws: dict[str, Any]) -> Any:
        plain = {name: _plain(kind) for name, kind in kws.items()}
        return template(tuple(_plain(kind) for kind in args), plain)

    dispatcher.get_call_template = for_types


def _stamp() -> tuple[str, ...]:
    """What the compiled code depends on: every source file of this room and its neighbours."""
    files = sorted(Path(__file__).parents[1].glob("*/*.py"))
    return tuple(
        f"{file.parent.name}/{file.name}:{(stat := file.stat()).st_mtime_ns}:{stat.st_size}" for file in files
    )


_SOURCES: Final = _stamp()


class _Stamped:
    """A place for the cache, whose stamp covers all sources."""

    def get_source_stamp(self) -> tuple[str, ...]:
        return _SOURCES


def _stamped(locator: Any) -> Any:
    return type(locator.__name__, (_Stamped, locator), {})


class _KernelCacheImpl(caching.CompileResultCacheImpl):
    _locator_classes = [  # noqa: RUF012  (the base class has a list here)
        _stamped(locator)
        for locator in caching.CompileResultCacheImpl._locator_classes  # noqa: SLF001
    ]


class _KernelCache(caching.FunctionCache):
    _impl_class = _KernelCacheImpl


class _KeyedCache(_KernelCache):
    """A cache of what was made from one function's source: numba would look at objects that differ in each process."""

    def __init__(self, function: Any, fingerprint: str) -> None:
        self._fingerprint = fingerprint
        _start: Any = super().__init__
        _start(function)

    @override
    def _index_key(self, signature: Any, codegen: Any) -> Any:
        return signature, codegen.magic_tuple(), self._fingerprint


_new_cache: Any = _KernelCache
_new_keyed_cache: Any = _KeyedCache
