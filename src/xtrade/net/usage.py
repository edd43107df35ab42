"""What a venue's own headers say about the limits: pure functions over a table that the venue's spec holds.

  UsageRule(header="x-mbx-used-weight-1m", pool="weight", window_ms=60_000)                           counts up
  UsageRule(header="gw-ratelimit-remaining", pool="spot", window_ms=30_000, counts="down",
            limit_header="gw-ratelimit-limit")                                                 counts down

A header that is absent or says nonsense says nothing: our own count stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final, Literal, NamedTuple

import msgspec

__all__ = ["Usage", "UsageRule", "read_usage", "retry_after_ns"]

_SECOND_NS: Final = 1_000_000_000
# A week: what is longer is a mistake of somebody's, and a bot that sleeps for years is no better than a banned one.
_WAIT_NS_MAX: Final = 7 * 86_400 * _SECOND_NS
_DIGITS_MAX: Final = 15


class Usage(NamedTuple):
    """What the venue says of one window: units used in it, and its limit (0: it did not say)."""

    pool: str
    window_ms: int
    used: int | None
    limit: int = 0
    key: str = ""


class UsageRule(msgspec.Struct, frozen=True, kw_only=True):
    """Where a venue says how much of a pool is used. Names of headers are in small letters."""

    header: str
    pool: str
    window_ms: int
    counts: Literal["up", "down"] = "up"
    limit_header: str = ""


def read_usage(rules: Iterable[UsageRule], headers: Mapping[str, str]) -> tuple[Usage, ...]:
    """Read one reply's headers (names in small letters)."""
    usages = []
    for rule in rules:
        figure = _whole(headers.get(rule.header, ""))
        limit = _whole(headers.get(rule.limit_header, "")) or 0
        if rule.counts == "down":
            figure = limit - figure if figure is not None and 0 <= figure <= limit else None
        if figure is not None or limit:
            usages.append(Usage(rule.pool, rule.window_ms, figure, limit))
    return tuple(usages)


def retry_after_ns(headers: Mapping[str, str], now_ns: int) -> int | None:
    """Return how long a `Retry-After` asks to wait: seconds or a date, by a wall clock of `now_ns`."""
    text = headers.get("retry-after", "").strip()
    seconds = _whole(text)
    if seconds is not None:
        return min(seconds * _SECOND_NS, _WAIT_NS_MAX)
    try:
        moment = parsedate_to_datetime(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        wait_ns = int(moment.timestamp()) * _SECOND_NS - now_ns
    except (ValueError, OverflowError, TypeError, IndexError):
        return None
    return max(0, min(wait_ns, _WAIT_NS_MAX))


def _whole(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX else None
