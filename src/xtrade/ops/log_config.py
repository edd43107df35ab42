"""What the log says, in which form, and how much disk it may take."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

__all__ = ["LogConfig"]


class LogConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How this process logs. On disk a log never takes more than `files_max` files of `file_bytes_max` bytes."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    form: Literal["auto", "human", "json"] = "auto"
    file: str | None = None
    file_bytes_max: int = 10_000_000
    files_max: int = 5
