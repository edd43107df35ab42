"""What code under virtual time may not do, and how it is stopped.

A run is repeatable only if nothing in it depends on the machine: the operating system's clock and randomness,
threads, sockets, processes. While a virtual run lasts, in its thread, each row below is replaced by a function
that raises `Refused` and names the culprit: file, line, function, and what to use instead. At the end
everything is put back.

Two things follow from replacing names. A module of the user's that took a name home before the run
(`from time import time`, `from datetime import datetime`) is visited and served as well. Callers inside the
standard library, the test tools and the compiler of kernels are not refused: they label log records, time tests and
name cache files, nothing of the run depends on them; the standard library is told virtual time. Nor is an installed
package while it is being imported.

What cannot be stopped this way is said in docs/time.md; the ban in our own lint is the second net.
"""

from __future__ import annotations

import datetime as dt
import os
import random as _random  # noqa: TID251  (to refuse it)
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from sysconfig import get_paths
from types import FrameType, ModuleType
from typing import Any, Final, NamedTuple, NoReturn

from typing_extensions import override

from xtrade.runtime import clock
from xtrade.runtime.waiting import is_standard_library

__all__ = ["LOOP_REFUSALS", "Refused", "in_force", "refuse", "urandom_from"]

Function = Callable[..., Any]

_LABEL: Final = "for a label ask xtrade.runtime.clock.now_ns()"
_AGE: Final = "for an age or a timer ask xtrade.runtime.clock.monotonic_ns()"
_DRAW: Final = 'take a named stream: xtrade.runtime.chance.stream("...")'
_IDS: Final = "ids come from xtrade.runtime.ids, bytes from a named stream of xtrade.runtime.chance"
_NO_THREADS: Final = "call the function itself, or give the work to the loop as a task"
_NO_SOCKETS: Final = "a simulated network has to bring in-memory transports"
_NO_PROCESSES: Final = "test what needs a process with a real one, outside of virtual time"
_NO_SIGNALS: Final = "call what the signal would call, such as Shutdown.request()"


class Refused(RuntimeError):
    """Something was asked of the machine that would make the run unrepeatable."""


class _Row(NamedTuple):
    module: str
    name: str
    instead: str
    answer: Function | None = None
    """What the standard library is told, where that is not the real thing."""


def _wall_s() -> float:
    return clock.now_ns() / 1e9


def _age_s() -> float:
    return clock.monotonic_ns() / 1e9


_FUNCTIONS: Final = (
    _Row("time", "time", _LABEL, _wall_s),
    _Row("time", "time_ns", _LABEL, clock.now_ns),
    _Row("time", "monotonic", _AGE, _age_s),
    _Row("time", "monotonic_ns", _AGE, clock.monotonic_ns),
    _Row("time", "perf_counter", "measure from outside of the run; " + _AGE),
    _Row("time", "perf_counter_ns", "measure from outside of the run; " + _AGE),
    _Row("time", "clock_gettime", f"{_LABEL}; {_AGE}"),
    _Row("time", "clock_gettime_ns", f"{_LABEL}; {_AGE}"),
    _Row("time", "sleep", "await asyncio.sleep(...)"),
    *(
        _Row("random", name, _DRAW)
        for name in _random.__all__
        if name.islower() and name not in {"getstate", "setstate", "seed"}
    ),
    _Row("os", "urandom", _DRAW),
    _Row("uuid", "uuid1", _IDS),
    _Row("uuid", "uuid4", _IDS),
    _Row("secrets", "token_bytes", _IDS),
    _Row("secrets", "token_hex", _IDS),
    _Row("secrets", "token_urlsafe", _IDS),
    *(_Row("secrets", name, _DRAW) for name in ("choice", "randbelow", "randbits")),
    _Row("os", "system", _NO_PROCESSES),
    _Row("os", "fork", _NO_PROCESSES),
)

# Methods, so that whoever holds the class is served; refused to the standard library too, which only acts for somebody.
_METHODS: Final = (
    ("threading", "Thread", "start", _NO_THREADS),
    ("socket", "socket", "__init__", _NO_SOCKETS),
    ("subprocess", "Popen", "__init__", _NO_PROCESSES),
)

_DATES: Final = {dt.datetime: ("now", "utcnow", "today"), dt.date: ("today",)}

_LOOP_SOCKETS: Final = (
    "add_reader add_writer connect_accepted_socket create_connection create_datagram_endpoint create_server"
    " create_unix_connection create_unix_server getaddrinfo getnameinfo sendfile sock_accept sock_connect"
    " sock_recv sock_recv_into sock_recvfrom sock_recvfrom_into sock_sendall sock_sendfile sock_sendto start_tls"
)
LOOP_REFUSALS: Final = {
    "run_in_executor": _NO_THREADS,
    "set_task_factory": "tasks under virtual time are made by the loop, in an order of its own",
    **dict.fromkeys(_LOOP_SOCKETS.split(), _NO_SOCKETS),
    **dict.fromkeys(
        ("connect_read_pipe", "connect_write_pipe", "subprocess_exec", "subprocess_shell"), _NO_PROCESSES
    ),
    "add_signal_handler": _NO_SIGNALS,
}
"""The methods of the loop itself that are refused, and what to do instead."""

_TEST_TOOLS: Final = frozenset({"_pytest", "coverage", "execnet", "hypothesis", "pluggy", "pytest", "xdist"})
# Installed libraries that run inside of a virtual run and label their messages: told virtual time as well.
_TOLD: Final = frozenset({"aiohttp", "ccxt"})
# A kernel that is compiled at its first call names its cache file by chance: nothing of the run depends on that.
_COMPILERS: Final = frozenset({"numba", "llvmlite"})
_OURS: Final = frozenset({__name__, "xtrade.runtime.virtual_loop"})
_INSTALLED: Final = tuple(get_paths()[kind] for kind in ("stdlib", "platstdlib", "purelib", "platlib"))

_one_at_a_time: Final = threading.RLock()


def refuse(what: str, instead: str) -> NoReturn:
    """Raise `Refused` in the name of whoever, outside of the standard library, is behind the call."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001
    while frame is not None and (_is_machinery(frame) or frame.f_globals.get("__name__") in _OURS):
        frame = frame.f_back
    assert frame is not None
    raise Refused(
        f"{what} under virtual time, in {frame.f_code.co_qualname}() at"
        f" {frame.f_code.co_filename}:{frame.f_lineno}: {instead}"
    )


@contextmanager
def in_force() -> Iterator[None]:
    """Refuse, in this thread, until the block ends; another thread that wants the same waits for it."""
    # Names are replaced for the whole process, and have to be put back in the reverse order.
    with _one_at_a_time, _replaced_names():
        yield


@contextmanager
def urandom_from(stream: _random.Random) -> Iterator[None]:
    """Answer os.urandom from a named stream until the block ends: for a library's handshake on a simulated wire."""
    before = vars(os)["urandom"]
    vars(os)["urandom"] = stream.randbytes
    try:
        yield
    finally:
        vars(os)["urandom"] = before


@contextmanager
def _replaced_names() -> Iterator[None]:
    undo: list[tuple[Any, str, Any, Any]] = []

    def put(holder: Any, name: str, value: Any) -> None:
        undo.append((holder, name, value, vars(holder)[name]))
        setattr(holder, name, value)

    swaps: dict[int, Any] = {}
    try:
        for row in _FUNCTIONS:
            original = getattr(import_module(row.module), row.name)
            replacement = _refusing(
                original, f"{row.module}.{row.name}()", row.instead, row.answer or original
            )
            swaps[id(original)] = replacement
            put(import_module(row.module), row.name, replacement)
        for module, owner, method, instead in _METHODS:
            holder = getattr(import_module(module), owner)
            put(holder, method, _refusing(getattr(holder, method), f"{module}.{owner}", instead, None))
        swaps.update(_refusing_dates())
        for users in _modules_of_users():
            for name, value in list(vars(users).items()):
                if id(value) in swaps:
                    put(users, name, swaps[id(value)])
        yield
    finally:
        for holder, name, value, before in reversed(undo):
            if vars(holder).get(name) is value:  # else somebody has put something of theirs there
                setattr(holder, name, before)


def _is_machinery(frame: FrameType) -> bool:
    return _top(frame) in _TEST_TOOLS or is_standard_library(frame)


def _top(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


def _is_import_of_installed(frame: FrameType | None) -> bool:
    """Is this the import of an installed package, at whatever moment of the run it is first needed?"""
    if frame is None or not frame.f_code.co_filename.startswith(_INSTALLED):
        return False
    while frame is not None and frame.f_globals.get("__name__") != "importlib._bootstrap":
        frame = frame.f_back
    return frame is not None


def _refusing(original: Function, what: str, instead: str, answer: Function | None) -> Function:
    """Wrap `original`: other threads have it, machinery has `answer` (if any), everyone else is refused."""
    thread = threading.get_ident()

    def refused(*args: Any, **options: Any) -> Any:
        if threading.get_ident() != thread:
            return original(*args, **options)
        caller = sys._getframe(1)  # noqa: SLF001
        if answer is not None and (_is_machinery(caller) or _top(caller) in _TOLD):
            return answer(*args, **options)
        if _top(caller) in _COMPILERS or _is_import_of_installed(caller):
            return original(*args, **options)
        refuse(what, instead)

    return refused


def _refusing_dates() -> dict[int, Any]:
    """Stand-ins for the date classes, which are written in C and cannot be changed, and for their module."""
    module = ModuleType("datetime")
    vars(module).update(vars(dt))
    swaps: dict[int, Any] = {id(dt): module}
    for real, names in _DATES.items():
        members = {
            name: staticmethod(_refusing(getattr(real, name), f"{real.__name__}.{name}()", _LABEL, None))
            for name in names
        }
        swaps[id(real)] = stand_in = _StandIn(real.__name__, (real,), members)
        setattr(module, real.__name__, stand_in)
    return swaps


class _StandIn(type):
    """A class in whose place another one makes and recognises the instances: its only base."""

    @override
    def __call__(cls, *args: Any, **options: Any) -> Any:
        return cls.__bases__[0](*args, **options)

    @override
    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, cls.__bases__[0])

    @override
    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, cls.__bases__[0])


def _modules_of_users() -> Iterator[ModuleType]:
    """Modules that were not installed, are not ours (lint bans these names here) and not of the test tools."""
    for name, module in list(sys.modules.items()):
        top = name.partition(".")[0]
        if type(module) is not ModuleType or top == "xtrade" or top in sys.stdlib_module_names | _TEST_TOOLS:
            continue
        file = vars(module).get("__file__")
        if name == "__main__" or (isinstance(file, str) and not file.startswith(_INSTALLED)):
            yield module
