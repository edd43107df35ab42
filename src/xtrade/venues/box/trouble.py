"""What goes wrong at a box, on demand: set over its control address, or by a test.

    POST /box/trouble   {"lose_answers": 1, "on": "POST /api/v3/order"}
    POST /box/trouble   {"cut": true}

What is counted (`lose_answers`, `refuse`, `garble`, `skip_messages`, `double_messages`, `swap_messages`) happens to the
next so many; what is not stays until it is set anew. `on` limits what concerns requests to those whose method and path
begin so.
"""

from __future__ import annotations

from msgspec import Struct

from xtrade.model.errors import ConfigError

__all__ = ["Trouble"]


class Trouble(Struct, kw_only=True, forbid_unknown_fields=True):
    """All that can be wrong at once; nothing is, at first."""

    on: str = ""
    lose_answers: int = 0
    """The request takes effect, and its connection ends without an answer (F: lost answer)."""
    refuse: int = 0
    refuse_status: int = 503
    retry_after_s: int = 0
    """Refused before anything happens, with this HTTP status."""
    garble: int = 0
    """The answer is cut in the middle."""
    delay_ms: int = 0
    """Every answer comes so much later."""
    silent: bool = False
    """Sockets stay open, and nothing comes through them."""
    no_sockets: bool = False
    """New sockets are refused."""
    skip_messages: int = 0
    double_messages: int = 0
    swap_messages: int = 0
    """Messages through sockets: left out, sent twice, sent after the next one."""
    cut: bool = False
    """Every socket is ended now, without a word."""
    clock_ms: int = 0
    """The venue's clock is so far ahead of ours."""

    def __post_init__(self) -> None:
        for name in (
            "lose_answers",
            "refuse",
            "retry_after_s",
            "garble",
            "delay_ms",
            "skip_messages",
            "double_messages",
            "swap_messages",
        ):
            if getattr(self, name) < 0:
                raise ConfigError(f"trouble: {name} = {getattr(self, name)}: expected zero or more")
        if not 400 <= self.refuse_status <= 599:
            raise ConfigError(f"trouble: refuse_status = {self.refuse_status}: expected 400 to 599")

    def concerns(self, method: str, path: str) -> bool:
        """Whether a request is one of those that `on` names."""
        return f"{method} {path}".startswith(self.on)

    def take(self, what: str) -> bool:
        """Use up one of what is counted; False where none is left."""
        left: int = getattr(self, what)
        if left:
            setattr(self, what, left - 1)
        return left > 0
