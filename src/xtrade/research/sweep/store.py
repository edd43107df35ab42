"""A file that remembers each trial, so that a sweep goes on where it was stopped, however it was stopped.

DIR/trials.jsonl    first what the sweep is (`Identity`), then a line for each trial as it ends, on the disk before
                    the next one is looked at

A line that a crash has torn is dropped, and said; that trial is run again. Other damage is an error. A trial is known
again by its key: a hash of its parameters, its window, the data and the code. Trials that failed are tried again.
The folder of another sweep is refused, and one sweep at a time writes to a folder.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import msgspec
import numpy as np
from msgspec import Struct

from xtrade.model.errors import DataError, UsageError
from xtrade.research.sweep.space import Space
from xtrade.research.sweep.trial import Evaluate, Outcome, Params, Trial, Window
from xtrade.runtime.files import locked

__all__ = ["Identity", "Store", "key_of"]

_FILE: Final = "trials.jsonl"
_VERSION: Final = 1
_DIFFERENCES_SHOWN: Final = 4
_WIDTH_SHOWN: Final = 24
_BEGINNING: Final = b'{"xtrade_sweep":'


class Identity(Struct, frozen=True, kw_only=True):
    """What a folder's trials have in common: change any of it, and the old trials say nothing about the new."""

    evaluate: str
    code: str
    data: str | Mapping[str, str] = ""
    """A fingerprint, or several by name: a difference is then told by its name."""
    parameters: tuple[str, ...]

    @classmethod
    def of(
        cls, evaluate: Evaluate, space: Space, *, code: str = "", data: str | Mapping[str, str] = ""
    ) -> Identity:
        """Describe a sweep; `code` is the hash of the function's own source file and state unless it is given."""
        return cls(
            evaluate=_named(evaluate),
            code=code or _code_of(evaluate),
            data=data,
            parameters=tuple(sorted(space.dimensions)),
        )


class _Header(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    xtrade_sweep: int
    identity: Identity


class _Line(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A trial on the disk. Returns are float64, little-endian, which JSON carries as base64."""

    key: str
    params: dict[str, Any]
    window: Window | None = None
    error: str = ""
    metrics: dict[str, float | None] = {}
    returns: bytes = b""
    step_ns: int = 0
    seconds: float = 0.0
    worker: str = ""


_headers: Final = msgspec.json.Decoder(_Header)
_lines: Final = msgspec.json.Decoder(_Line)


def key_of(identity: Identity, params: Params, window: Window | None) -> str:
    """Return what a trial is known by."""
    what = (sorted(params.items()), window, identity)
    return sha256(msgspec.json.encode(what)).hexdigest()[:32]


class Store:
    """A folder of trials, held until it is closed."""

    def __init__(self, directory: Path | str, identity: Identity, space: Space) -> None:
        self.directory = Path(directory)
        self.path = self.directory / _FILE
        self.identity = identity
        self.trials: dict[str, Trial] = {}
        """What is known, by key; of a trial that was run again, the last line."""
        self.remarks: list[str] = []
        """What a reader of the result should know about this file."""
        self._space = space
        with ExitStack() as held:
            try:
                held.enter_context(locked(self.directory, tries=50))
            except BlockingIOError:
                raise UsageError(
                    f"{self.directory}: another sweep is writing there; wait for it, or take another folder"
                ) from None
            except OSError as error:
                raise UsageError(f"{self.directory}: cannot be a sweep's folder: {error.strerror}") from None
            self._file = self._opened()
            held.callback(os.close, self._file)
            self._held = held.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let the folder go."""
        self._held.close()

    def keep(self, trial: Trial) -> None:
        """Add a trial; when this returns it is on the disk."""
        key = key_of(self.identity, trial.params, trial.window)
        outcome = trial.outcome or Outcome(metrics={})
        line = _Line(
            key=key,
            params=trial.params,
            window=trial.window,
            error=trial.error,
            metrics=dict(outcome.metrics),
            returns=outcome.returns.astype("<f8").tobytes(),
            step_ns=outcome.step_ns,
            seconds=trial.seconds,
            worker=trial.worker,
        )
        self._append(line)
        self.trials[key] = trial

    def _append(self, line: Struct) -> None:
        left = msgspec.json.encode(line) + b"\n"
        try:
            while left:
                left = left[os.write(self._file, left) :]
            os.fsync(self._file)
        except OSError as error:
            raise DataError(
                f"{self.path}: a trial cannot be kept: {error.strerror}; what was kept before is safe"
            ) from error

    def _opened(self) -> int:
        """Read what is there, drop a torn end, and stand ready to append."""
        content = self.path.read_bytes() if self.path.exists() else b""
        whole = self._read(content)
        file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        if whole < len(content):
            os.ftruncate(file, whole)
        self._file = file
        if not whole:
            self._append(_Header(xtrade_sweep=_VERSION, identity=self.identity))
            descriptor = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY)
            os.fsync(descriptor)
            os.close(descriptor)
        return file

    def _read(self, content: bytes) -> int:
        """Take in the lines, and return how many bytes of the content are good."""
        good = 0
        rows = content.splitlines(keepends=True)
        for number, row in enumerate(rows, start=1):
            try:
                if not row.endswith(b"\n"):
                    raise DataError("it has no end")
                self._take_in(number, row)
            except (DataError, msgspec.DecodeError) as error:
                foreign = number == 1 and (row.endswith(b"\n") or not row.startswith(_BEGINNING[: len(row)]))
                if number < len(rows) or foreign:
                    raise DataError(
                        f"{self.path}, line {number}: {error}; it was not written by a sweep, or is damaged:"
                        " take another folder, or remove that line"
                    ) from None
                self.remarks.append(
                    f"{self.path.name}: the last line ({len(row)} bytes) was torn by a crash and is dropped;"
                    " its trial runs again"
                )
                return good
            good += len(row)
        return good

    def _take_in(self, number: int, row: bytes) -> None:
        if number == 1:
            self._recognise(_headers.decode(row))
            return
        line = _lines.decode(row)
        params = self._space.read(line.params)
        outcome = None
        if not line.error:
            returns = np.frombuffer(line.returns, "<f8")
            outcome = Outcome(metrics=line.metrics, returns=returns, step_ns=line.step_ns)
        key = key_of(self.identity, params, line.window)
        self.trials[key] = Trial(
            number=number - 2,
            params=params,
            window=line.window,
            outcome=outcome,
            error=line.error,
            seconds=line.seconds,
            worker=line.worker,
            from_store=True,
        )

    def _recognise(self, header: _Header) -> None:
        if header.xtrade_sweep != _VERSION:
            raise DataError(f"written by another version ({header.xtrade_sweep}, this one writes {_VERSION})")
        if header.identity == self.identity:
            return
        before, now = _told(header.identity), _told(self.identity)
        differing = [
            f"{name} was {_short(before.get(name))}, is {_short(now.get(name))}"
            for name in dict.fromkeys([*now, *before])
            if now.get(name) != before.get(name)
        ]
        more = (
            f" and {len(differing) - _DIFFERENCES_SHOWN} more" if len(differing) > _DIFFERENCES_SHOWN else ""
        )
        raise UsageError(
            f"{self.directory} is the folder of another sweep: {'; '.join(differing[:_DIFFERENCES_SHOWN])}{more}. Take"
            " another folder; the trials there say nothing about this sweep"
        )


def _told(identity: Identity) -> Mapping[str, str]:
    data = {"data": identity.data} if isinstance(identity.data, str) else identity.data
    return {
        "evaluate": identity.evaluate,
        "code": identity.code,
        "parameters": ", ".join(identity.parameters),
        **data,
    }


def _short(value: str | None) -> str:
    """Write a value so that a line can hold it: of a hash, the beginning tells two apart."""
    if not value:
        return "not said"
    return value if len(value) <= _WIDTH_SHOWN else f"{value[:_WIDTH_SHOWN]}…"


def _named(evaluate: Evaluate) -> str:
    inner = getattr(evaluate, "func", evaluate)  # functools.partial
    whose = inner if hasattr(inner, "__qualname__") else type(inner)
    return f"{whose.__module__}.{whose.__qualname__}"


def _code_of(evaluate: Evaluate) -> str:
    """Hash the file that the function stands in, and what it was bound to."""
    import pickle
    from inspect import getsourcefile

    inner = getattr(evaluate, "func", evaluate)
    whose: Any = inner if hasattr(inner, "__qualname__") else type(inner)
    try:
        source = Path(getsourcefile(whose) or "").read_bytes()
        state = pickle.dumps(evaluate, protocol=5)
    except (OSError, TypeError, AttributeError, pickle.PicklingError):
        raise UsageError(
            f"what {_named(evaluate)} does cannot be told apart from another version of it: define it at the top level"
            " of a file, or say code=..., any text that changes when it does"
        ) from None
    return sha256(source + state).hexdigest()[:16]
