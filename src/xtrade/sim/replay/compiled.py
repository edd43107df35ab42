"""Compile a plain function with numba, and remember the machine code across processes.

numba's own cache looks at the file of the function alone, and would go on running an old `ladder` inside an
unchanged `kernel`. Here one stamp covers every file of the kernel. With NUMBA_DISABLE_JIT=1 nothing is compiled:
the same functions run as they stand, for debuggers and coverage.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar, cast

import numba
from numba.core import caching, types

__all__ = ["kernel"]

# numba's stubs know neither `_nrt` nor these helpers.
_njit: Any = numba.njit
_plain: Any = types.unliteral

P = ParamSpec("P")
R = TypeVar("R")


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile `function`, which may only work on numbers and flat arrays."""
    # Kernels own no memory (no reference counts) and divide by nothing that may be zero (no checks).
    dispatcher: Any = _njit(nogil=True, error_model="numpy", _nrt=False)(function)
    if dispatcher is not function:  # not under NUMBA_DISABLE_JIT
        dispatcher._cache = _new_cache(function)  # noqa: SLF001  (where enable_caching() puts its own)
        _compile_once(dispatcher)
    return cast("Callable[P, R]", dispatcher)


def _compile_once(dispatcher: Any) -> None:
    """Compile for the types of arguments, not again for each constant that somebody passes: half the cold start."""
    template = dispatcher.get_call_template

    def for_types(args: tuple[Any, ...], kws: dict[str, Any]) -> Any:
        plain = {name: _plain(kind) for name, kind in kws.items()}
        return template(tuple(_plain(kind) for kind in args), plain)

    dispatcher.get_call_template = for_types


def _stamp() -> tuple[str, ...]:
    """What the compiled code depends on: every source file beside this one."""
    entries = sorted(os.scandir(Path(__file__).parent), key=lambda entry: entry.name)
    return tuple(
        f"{entry.name}:{entry.stat().st_mtime_ns}:{entry.stat().st_size}"
        for entry in entries
        if entry.name.endswith(".py")
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


_new_cache: Any = _KernelCache
