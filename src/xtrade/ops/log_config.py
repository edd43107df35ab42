"""What can be said about logs in a configuration."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

__all__ = ["LogConfig"]


class LogConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much is logged, in which form, and where it goes."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Meta(description="The least important kind of line that is still written."),
    ] = "info"
    form: Annotated[
        Literal["auto", "human", "json"],
        Meta(description="How a line looks; auto is human on a terminal and JSON elsewhere."),
    ] = "auto"
    file: Annotated[
        Annotated[str, Meta(min_length=1)] | None,
        Meta(
            description="File to log to as well as to standard error, relative to the working directory.",
            examples=["xtrade.log"],
        ),
    ] = None
    file_bytes_max: Annotated[
        int,
        Meta(ge=1_000, le=1_000_000_000_000, description="Size in bytes at which a new log file is begun."),
    ] = 10_000_000
    files_max: Annotated[
        int,
        Meta(
            ge=1,
            le=10_000,
            description="Log files that are kept, the current one included; the oldest is deleted.",
        ),
    ] = 5
