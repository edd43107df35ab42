"""Time cut into steps of a walk forward: a stretch to search in, and the one after it to judge in.

    train ────────── embargo ─ test ───
              train ────────── embargo ─ test ───            rolling
    train ──────────────────── embargo ─ test ───            anchored

The embargo keeps what a trial carries over (open positions, indicators that look back) out of the test. Test windows
touch each other, so that their returns make one track record.
"""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec import Struct

from xtrade.model.errors import UsageError
from xtrade.research.sweep.trial import Window

__all__ = ["Split", "date", "days", "splits"]


class Split(Struct, frozen=True, kw_only=True):
    """One step of a walk: search here, judge there."""

    train: Window
    test: Window


def splits(
    span: Window, *, train_ns: int, test_ns: int, embargo_ns: int = 0, anchored: bool = False
) -> list[Split]:
    """Cut a stretch of time into steps; what is left at its end and too short for a test is not used."""
    for name, value, least in (
        ("train_ns", train_ns, 1),
        ("test_ns", test_ns, 1),
        ("embargo_ns", embargo_ns, 0),
    ):
        if value < least:
            raise UsageError(f"{name} = {value}: expected at least {least}")
    found = []
    train_end = span.start_ns + train_ns
    while train_end + embargo_ns + test_ns <= span.end_ns:
        start = span.start_ns if anchored else train_end - train_ns
        test = Window(start_ns=train_end + embargo_ns, end_ns=train_end + embargo_ns + test_ns)
        found.append(Split(train=Window(start_ns=start, end_ns=train_end), test=test))
        train_end += test_ns
    if not found:
        raise UsageError(
            f"{days(span.end_ns - span.start_ns)} are too short for a walk forward: training, embargo and one test"
            f" take {days(train_ns + embargo_ns + test_ns)}"
        )
    return found


def date(ns: int) -> str:
    """Write a moment as its day, and the time where it is not midnight."""
    moment = datetime.fromtimestamp(ns / 1e9, UTC)
    return f"{moment:%Y-%m-%d}" if ns % (86_400 * 10**9) == 0 else f"{moment:%Y-%m-%d %H:%M}"


def days(ns: int) -> str:
    """Write how long something lasts."""
    count = ns / (86_400 * 10**9)
    return f"{count:.3g} days" if count >= 1 else f"{count * 24:.3g} hours"
