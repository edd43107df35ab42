"""What runs in a process of the local executor: load the function once, then answer task after task.

It ends when its pipe does. Should the sweep itself be killed, it ends too, in the middle of a trial.
"""

from __future__ import annotations

import os
import pickle
import signal
import threading
from multiprocessing import connection, parent_process
from typing import TYPE_CHECKING, NamedTuple

from xtrade.research.sweep.executor import attempt, told

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

__all__ = ["NotLoaded", "Ready", "main"]


class Ready(NamedTuple):
    """The function is loaded, and kernels are compiled if that was asked for."""

    pid: int


class NotLoaded(NamedTuple):
    """The function cannot be had in this process."""

    error: str


def main(pipe: Connection, work: bytes, *, warm: bool) -> None:
    """Answer tasks until the pipe ends."""
    # Ctrl-C reaches the whole group of processes; the sweep hears it and ends its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_the_sweep, daemon=True).start()
    pid = os.getpid()
    try:
        evaluate, warm_up = pickle.loads(work)  # noqa: S301  (from our own parent)
        if warm and warm_up is not None:
            warm_up()
    except Exception as failure:  # noqa: BLE001  (told to the sweep, which stops)
        pipe.send(NotLoaded(told(failure)))
        return
    try:
        pipe.send(Ready(pid))
        while True:
            pipe.send(attempt(evaluate, pipe.recv(), str(pid)))
    except (EOFError, BrokenPipeError):
        return


def _end_with_the_sweep() -> None:
    parent = parent_process()
    assert parent is not None
    connection.wait([parent.sentinel])
    os._exit(1)  # a trial may be in the middle of a long kernel
