"""The same message thousands of times a second: the first are written, the rest counted, and the count is said.

Pure: the caller brings the time. A message is known by its key (logger, level, event), so a different message is
never held back by a noisy one.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from xtrade.ops.log_lines import Entry

__all__ = ["LINES_MAX", "WINDOW_NS", "RepeatLimit"]

LINES_MAX: Final = 100
WINDOW_NS: Final = 10_000_000_000
KEYS_MAX: Final = 1_000

Key = tuple[str, str, str]


class _Window(NamedTuple):
    ends_ns: int
    written: int
    held_back: int
    last: Entry | None


class RepeatLimit:
    """At most `LINES_MAX` lines a window of `WINDOW_NS` for one key."""

    def __init__(self) -> None:
        self._windows: dict[Key, _Window] = {}
        self._next_end_ns: int | None = None

    def admit(self, entry: Entry, key: Key) -> bool:
        """Say whether this entry is written; if not, it is counted."""
        window = self._windows.get(key)
        if window is None:
            if len(self._windows) >= KEYS_MAX:
                # Texts with figures in them make every message its own key: they then share one window a level.
                key = ("", entry.level, "")
                window = self._windows.get(key)
            window = window or _Window(entry.time_ns + WINDOW_NS, 0, 0, None)
            if self._next_end_ns is None or window.ends_ns < self._next_end_ns:
                self._next_end_ns = window.ends_ns
        admitted = window.written < LINES_MAX
        self._windows[key] = (
            window._replace(written=window.written + 1)
            if admitted
            else window._replace(held_back=window.held_back + 1, last=entry)
        )
        return admitted

    def summaries(self, now_ns: int, *, final: bool = False) -> list[Entry]:
        """Close the windows that have ended (with `final`, all) and say what they held back.

        Each summary is the last entry held back, with `held_back`: how many there were, this one among them.
        """
        if not final and (self._next_end_ns is None or now_ns < self._next_end_ns):
            return []
        ended = [key for key, window in self._windows.items() if final or window.ends_ns <= now_ns]
        closed = [self._windows.pop(key) for key in ended]
        self._next_end_ns = min((window.ends_ns for window in self._windows.values()), default=None)
        return [
            window.last._replace(fields={**window.last.fields, "held_back": window.held_back})
            for window in closed
            if window.last is not None
        ]
