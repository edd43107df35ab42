"""The dial: what a strategy, or the whole desk, may do."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["TradingState", "strictest"]


class TradingState(StrEnum):
    """The dial: trade; only make positions smaller; send nothing."""

    ACTIVE = "active"
    REDUCING = "reducing"
    HALTED = "halted"


_STRICTNESS = {TradingState.ACTIVE: 0, TradingState.REDUCING: 1, TradingState.HALTED: 2}


def strictest(*states: TradingState) -> TradingState:
    """Return what is in force where several dials count: the desk's and the strategy's."""
    return max(states, key=_STRICTNESS.__getitem__, default=TradingState.ACTIVE)
