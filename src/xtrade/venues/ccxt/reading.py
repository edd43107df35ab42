"""Answers that ccxt has read are still strangers': one that is not what it should be is no answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from xtrade.model.errors import Unavailable, XtradeError

__all__ = ["UNREADABLE", "read", "why_unreadable"]

T = TypeVar("T")

UNREADABLE = (XtradeError, TypeError, KeyError, IndexError, ValueError, AttributeError)
"""What reading something raises that is not what ccxt says it is."""


def read(venue: str, what: str, reader: Callable[[], T]) -> T:
    """Read an answer to a question, or raise Unavailable."""
    try:
        return reader()
    except UNREADABLE as error:
        reason = why_unreadable(error)
    raise Unavailable(f"{venue}: {what}: the answer cannot be read: {reason}", venue=venue, request=what)


def why_unreadable(error: Exception) -> str:
    """Say what is wrong with it; our own errors say it best."""
    if isinstance(error, XtradeError):
        return str(error)
    return f"it is not what ccxt says it is ({type(error).__name__})"
