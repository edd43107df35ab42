"""What the parameters of executions have in common: figures that make no sense are refused, in words."""

from __future__ import annotations

__all__ = ["above_zero", "at_least"]


def at_least(least: float, **figures: float | None) -> None:
    """Refuse figures below the least; None is no figure."""
    for name, figure in figures.items():
        if figure is not None and figure < least:
            raise ValueError(f"{name} = {figure}: expected {least} or more")


def above_zero(**figures: float | None) -> None:
    """Refuse figures of zero and below; None is no figure."""
    for name, figure in figures.items():
        if figure is not None and not figure > 0:
            raise ValueError(f"{name} = {figure}: expected a number above zero")
