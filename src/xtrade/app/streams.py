"""Standard input, output and error, made fit for a program that reports its own failures.

A stream that is closed (`>&-`) reads as empty and swallows what is written. An answer that cannot be written (a full
disk) is an error, said once; a remark that cannot is let go, for there is nowhere left to say so. A sign that the
encoding does not know is written as its number.
"""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING

from xtrade.model.errors import XtradeError

if TYPE_CHECKING:
    from typing import TextIO

    from _typeshed import ReadableBuffer
    from typing_extensions import override
else:

    def override(method):
        """Stand in for typing_extensions', which the front page is not to wait for."""
        return method


__all__ = ["ReaderGone", "prepare"]


class ReaderGone(Exception):
    """The reader of our pipe (head, less) has seen enough."""


def prepare() -> None:
    """Put these streams in the place of Python's own, once, before anything is read or written."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # The lowest free number is given, which is this one.
            os.open(os.devnull, os.O_RDWR)
    sys.stdin = sys.stdin or open(0, encoding="utf-8", closefd=False)  # noqa: SIM115  (as long as the process)
    answers, remarks = _Answers(1, "w", closefd=False), _Remarks(2, "w", closefd=False)
    sys.stdout = _text(
        answers, sys.stdout, by_lines=answers.isatty() or bool(os.environ.get("PYTHONUNBUFFERED"))
    )
    sys.stderr = _text(remarks, sys.stderr, by_lines=True)


class _Answers(io.FileIO):
    """Standard output: the first failure is raised, and what Python still wants to write afterwards is dropped."""

    failed = False

    @override
    def write(self, data: ReadableBuffer, /) -> int:
        if self.failed:
            return memoryview(data).nbytes
        try:
            return super().write(data)
        except OSError as error:
            self.failed = True
            # Neither is an OSError, which libraries on the way here would answer in their own manner.
            if isinstance(error, BrokenPipeError):
                raise ReaderGone from None
            reason = (error.strerror or str(error)).lower()
            raise XtradeError(f"standard output cannot be written: {reason}") from None


class _Remarks(io.FileIO):
    """Standard error: what cannot be written is dropped."""

    @override
    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data)
        except OSError:
            return memoryview(data).nbytes


def _text(raw: io.FileIO, instead_of: TextIO | None, *, by_lines: bool) -> TextIO:
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=instead_of.encoding if instead_of else "utf-8",
        errors="backslashreplace",
        line_buffering=by_lines,
    )
