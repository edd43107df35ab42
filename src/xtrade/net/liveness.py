"""Is the other end still there, and does it know that we are? Pure: time is given, and nothing is sent here.

Silence is the absence of messages; control frames do not end it. A ping is due by the clock, after nothing came, or
after nothing went out, as the venue wants it; and where its answer may not take for ever, it has a deadline.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

import msgspec

from xtrade.model.errors import ConfigError

__all__ = ["Keepalive", "Liveness"]

_MS_NS: Final = 1_000_000


class Keepalive(msgspec.Struct, frozen=True, kw_only=True):
    """When we ping, with what, and how long an answer may take."""

    every_ms: int
    when: Literal["always", "nothing received", "nothing sent"] = "always"
    """Ping every `every_ms`; or only after that long without a message in, or without a frame out."""
    payload: Callable[[], bytes] | None = None
    """Makes the text of a ping, for venues that want one as a message. None sends WebSocket's own ping."""
    answer_ms: int = 0
    """End the connection where a ping is not answered within this time (0: that is no reason). A pong answers
    WebSocket's own ping, any message one of text."""

    def __post_init__(self) -> None:
        if self.every_ms < 1 or self.answer_ms < 0:
            raise ConfigError(
                f"keep-alive: every_ms = {self.every_ms} and answer_ms = {self.answer_ms}: expected one or more,"
                " and zero or more"
            )


class Liveness:
    """What one connection knows of its own life; begins with the handshake, at `now_ns`."""

    def __init__(self, silence_ms_max: int, keepalive: Keepalive | None, now_ns: int) -> None:
        self._silence_ms = silence_ms_max
        self._keepalive = keepalive
        self.message_ns = now_ns
        """When the last message came."""
        self._sent_ns = now_ns
        self._pinged_ns = now_ns
        self._asked_ns: int | None = None

    def message(self, now_ns: int) -> None:
        """A message has come."""
        self.message_ns = now_ns
        if self._keepalive is not None and self._keepalive.payload is not None:
            self._asked_ns = None

    def pong(self) -> None:
        """WebSocket's own ping was answered."""
        self._asked_ns = None

    def sent(self, now_ns: int) -> None:
        """A frame has gone out."""
        self._sent_ns = now_ns

    def pinged(self, now_ns: int) -> None:
        """A ping has gone out."""
        self._sent_ns = self._pinged_ns = now_ns
        if self._asked_ns is None:
            self._asked_ns = now_ns

    def reason_to_end(self, now_ns: int) -> str | None:
        """Say why the connection is to be ended now, if it is."""
        if self._silence_ms and now_ns >= self.message_ns + self._silence_ms * _MS_NS:
            return f"no message for {self._silence_ms} ms"
        deadline_ns = self._answer_deadline_ns()
        if deadline_ns is not None and now_ns >= deadline_ns:
            assert self._keepalive is not None
            return f"a ping was not answered within {self._keepalive.answer_ms} ms"
        return None

    def is_ping_due(self, now_ns: int) -> bool:
        """Is it time to ping?"""
        due_ns = self._ping_due_ns()
        return due_ns is not None and now_ns >= due_ns

    def wake_ns(self) -> int | None:
        """Return when to look again; None where there is nothing to watch."""
        moments = [self._ping_due_ns(), self._answer_deadline_ns()]
        if self._silence_ms:
            moments.append(self.message_ns + self._silence_ms * _MS_NS)
        return min((moment for moment in moments if moment is not None), default=None)

    def _answer_deadline_ns(self) -> int | None:
        if self._asked_ns is None or self._keepalive is None or not self._keepalive.answer_ms:
            return None
        return self._asked_ns + self._keepalive.answer_ms * _MS_NS

    def _ping_due_ns(self) -> int | None:
        if self._keepalive is None:
            return None
        last_ns = self._pinged_ns
        if self._keepalive.when == "nothing received":
            last_ns = max(last_ns, self.message_ns)
        elif self._keepalive.when == "nothing sent":
            last_ns = self._sent_ns
        return last_ns + self._keepalive.every_ms * _MS_NS
