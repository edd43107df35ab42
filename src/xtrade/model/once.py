"""`once`: a property that is computed when it is first asked for, and kept beside what does not change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar, overload

__all__ = ["once"]

Owner = TypeVar("Owner")
Found = TypeVar("Found")


class once(Generic[Owner, Found]):  # noqa: N801  (read as a decorator, as `property` is)
    """As functools.cached_property, without the lock that it takes until Python 3.12 for every first read.

    That lock costs more than what is computed here. Without it two threads may both compute, and both find the same.
    """

    def __init__(self, compute: Callable[[Owner], Found]) -> None:
        self._compute = compute
        self._name = compute.__name__
        self.__doc__ = compute.__doc__

    @overload
    def __get__(self, instance: None, owner: type[Owner]) -> once[Owner, Found]: ...
    @overload
    def __get__(self, instance: Owner, owner: type[Owner]) -> Found: ...
    def __get__(self, instance: Owner | None, owner: type[Owner]) -> once[Owner, Found] | Found:
        """Compute, and keep it where it is found before this is asked again."""
        if instance is None:
            return self
        found = instance.__dict__[self._name] = self._compute(instance)
        return found
