"""Logs: one sink for our own entries and for those of every library, set up once by whoever starts the process.

    with configure(LogConfig(), run_id=run_id):
        with bound(order_id="x1", correlation_id="hedge-7"):
            structlog.get_logger("xtrade.trading").info("order sent", lots=3)

structlog entry ─┐                                                      ┌─ the stream (terminal: human, else JSON)
                 ├─ Sink: ids → rate limit → one line, redacted, safe ──┤
stdlib record ───┘                                                      └─ the file (JSON, rotated by size)

The sink never raises into the code that logs, and a log file that fails does not stop the program.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from threading import RLock
from typing import Any, Final, NamedTuple, TextIO

import structlog
from structlog.contextvars import bound_contextvars, get_contextvars
from typing_extensions import override

from xtrade.ops.log_config import LogConfig
from xtrade.ops.log_file import RotatingFile
from xtrade.ops.log_limit import Key, RepeatLimit
from xtrade.ops.log_lines import Entry, human_line, json_line
from xtrade.runtime import clock

__all__ = ["Sink", "bound", "configure"]

# A file that failed (disk full, permission) is tried again after this long.
FILE_RETRY_NS: Final = 60_000_000_000


def bound(**ids: object) -> AbstractContextManager[None]:
    """Add ids (`order_id`, `correlation_id` …) to every entry of this block and of the tasks started in it.

    The entries of libraries, logged through the standard library, get them too.
    """
    return bound_contextvars(**ids)


@contextmanager
def configure(
    config: LogConfig,
    *,
    run_id: str,
    now_ns: Callable[[], int] = clock.now_ns,
    stream: TextIO | None = None,
) -> Iterator[Sink]:
    """Send all logs of this process to `stream` (standard error) and to the configured file, while the block lasts."""
    sink = Sink(config, run_id=run_id, now_ns=now_ns, stream=sys.stderr if stream is None else stream)
    level = getattr(logging, config.level.upper())
    root, handler = logging.getLogger(), _FromStandardLibrary(sink)
    before = root.handlers[:], root.level, warnings.showwarning
    structlog_before = structlog.get_config()

    root.handlers[:] = [handler]
    root.setLevel(level)
    warnings.showwarning = _warning_to_log
    structlog.configure(
        processors=[sink.from_structlog],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_named,
        cache_logger_on_first_use=False,
    )
    try:
        yield sink
    finally:
        structlog.configure(**structlog_before)
        root.handlers[:], _, warnings.showwarning = before
        root.setLevel(before[1])
        sink.close()


class Sink:
    """Where every log entry of the process ends. Its methods do not raise and may be called from any thread."""

    def __init__(self, config: LogConfig, *, run_id: str, now_ns: Callable[[], int], stream: TextIO) -> None:
        terminal = _is_terminal(stream)
        self._human = config.form == "human" or (config.form == "auto" and terminal)
        self._colour = terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        self._run_id = run_id
        self._now_ns = now_ns
        self._stream = stream
        self._limit = RepeatLimit()
        self._lock = RLock()
        self._file = config.file and RotatingFile(
            Path(config.file).expanduser(), bytes_max=config.file_bytes_max, files_max=config.files_max
        )
        self._file_retry_ns: int | None = None
        self._file_lost = 0

    def emit(
        self,
        *,
        level: str,
        logger: str,
        event: object,
        fields: Mapping[str, object],
        exception: str | None = None,
        key: str | None = None,
    ) -> None:
        """Write one entry, or count it when its like was written too often. `key` is what makes two entries alike."""
        entry = Entry(self._now_ns(), level, logger, event, {**self._ids(), **fields}, exception)
        alike: Key = (logger, level, key or (event[:200] if isinstance(event, str) else ""))
        with self._lock:
            for summary in self._limit.summaries(entry.time_ns):
                self._write(summary)
            if self._limit.admit(entry, alike):
                self._write(entry)

    def flush(self) -> None:
        """Say now what the rate limit holds back."""
        with self._lock:
            for summary in self._limit.summaries(self._now_ns(), final=True):
                self._write(summary)

    def close(self) -> None:
        """Flush, and close the file."""
        self.flush()
        if self._file:
            self._file.close()

    def from_structlog(self, logger: Any, method: str, event: Any) -> Any:
        """Take an entry as structlog's last processor, and end its way through structlog."""
        fields = dict(event)
        what = fields.pop("event", "")
        stack = "".join(traceback.format_stack()) if fields.pop("stack_info", None) else None
        self._guarded(
            level={"warn": "warning", "fatal": "critical", "exception": "error"}.get(method, method),
            logger=getattr(logger, "name", "xtrade"),
            event=what,
            fields=fields,
            exception=_formatted(fields.pop("exc_info", None)) or stack,
        )
        raise structlog.DropEvent

    def from_record(self, record: logging.LogRecord) -> None:
        """Take an entry of a library that logs through the standard library."""
        try:
            event = record.getMessage()
        except Exception:  # noqa: BLE001  (a library's format that does not fit its arguments)
            event = f"{record.msg} {record.args}"
        extra = {name: value for name, value in vars(record).items() if name not in _RECORD_FIELDS}
        self._guarded(
            level=_level_name(record.levelno),
            logger=record.name,
            event=event,
            fields=extra,
            exception=_formatted(record.exc_info) or record.stack_info,
            key=str(record.msg)[:200],
        )

    def _ids(self) -> dict[str, object]:
        bound_here = get_contextvars()
        first = [name for name in ("order_id", "correlation_id") if name in bound_here]
        return {"run_id": self._run_id} | {name: bound_here[name] for name in (*first, *sorted(bound_here))}

    def _guarded(self, *, level: str, logger: str, **entry: Any) -> None:
        try:
            self.emit(level=level, logger=logger, **entry)
        except Exception as error:  # noqa: BLE001  (to log is never a reason to stop trading)
            lost = Entry(0, level, logger, "an entry could not be logged", {"reason": type(error).__name__})
            with self._lock:
                self._write(lost)

    def _write(self, entry: Entry) -> None:
        failure = self._file and self._write_file(self._file, entry)
        self._write_stream(entry)
        if failure:
            said = {"run_id": self._run_id}
            self._write_stream(Entry(entry.time_ns, "error", "xtrade.ops.logs", failure, said))

    def _write_stream(self, entry: Entry) -> None:
        line = human_line(entry, colour=self._colour) if self._human else json_line(entry)
        try:
            try:
                self._stream.write(line + "\n")
            except UnicodeEncodeError:
                self._stream.write(_in_ascii(line, is_json=not self._human) + "\n")
            self._stream.flush()
        except (OSError, ValueError):
            # Standard error is closed or its reader has gone: there is nobody left to tell.
            return

    def _write_file(self, file: RotatingFile, entry: Entry) -> str | None:
        """Append to the file; return what to tell the reader of the stream when that begins to fail or works again."""
        failing = self._file_retry_ns is not None
        if self._file_retry_ns is not None and entry.time_ns < self._file_retry_ns:
            self._file_lost += 1
            return None
        try:
            file.write(json_line(entry).encode())
        except OSError as error:
            file.close()
            self._file_lost += 1
            self._file_retry_ns = entry.time_ns + FILE_RETRY_NS
            return None if failing else _file_failed(file.path, error)
        if not failing:
            return None
        lost, self._file_lost, self._file_retry_ns = self._file_lost, 0, None
        return f"the log file {file.path} is written again; {lost} lines are only here"


class _Named(NamedTuple):
    """What structlog wraps: nothing but the logger's name, for `Sink.from_structlog` writes by itself."""

    name: str


def _named(*arguments: object) -> _Named:
    return _Named(str(arguments[0]) if arguments else "xtrade")


class _FromStandardLibrary(logging.Handler):
    def __init__(self, sink: Sink) -> None:
        super().__init__()
        self._sink = sink

    @override
    def emit(self, record: logging.LogRecord) -> None:
        self._sink.from_record(record)


_RECORD_FIELDS: Final = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}


def _warning_to_log(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: object, **__: object
) -> None:
    logging.getLogger("py.warnings").warning(
        "%s: %s", category.__name__, message, extra={"at": f"{filename}:{lineno}"}
    )


def _level_name(number: int) -> str:
    names = (
        (logging.DEBUG, "debug"),
        (logging.INFO, "info"),
        (logging.WARNING, "warning"),
        (logging.ERROR, "error"),
    )
    return next((name for most, name in names if number <= most), "critical")


def _formatted(exception: Any) -> str | None:
    """Write a traceback with all its causes, from any of the ways in which `exc_info` is given."""
    if exception is True:
        exception = sys.exc_info()[1]
    elif isinstance(exception, tuple):
        exception = exception[1]
    if not isinstance(exception, BaseException):
        return None
    return "".join(traceback.format_exception(exception)).rstrip()


def _file_failed(path: Path, error: OSError) -> str:
    return (
        f"the log file {path} cannot be written ({error.strerror or error}): logging goes on here alone, "
        f"the file is tried again every {FILE_RETRY_NS // 1_000_000_000} s"
    )


def _in_ascii(line: str, *, is_json: bool) -> str:
    return json.dumps(json.loads(line)) if is_json else line.encode("ascii", "backslashreplace").decode()


def _is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except ValueError:
        return False
