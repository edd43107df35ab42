"""How a question is asked: what it costs, and that its answer, whatever it holds, is an answer or an error of ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec

from xtrade.model.errors import DataError, XtradeError
from xtrade.net.limits import Cost, Priority
from xtrade.venues.asks import Answer, Ask
from xtrade.venues.lighter.messages import BROKEN
from xtrade.venues.lighter.spec import QUESTIONS
from xtrade.venues.lighter.wire import Build, read

__all__ = ["Reader", "question"]

T = TypeVar("T")
R = TypeVar("R")


class Reader(Generic[R]):
    """Reads answers of one form."""

    def __init__(self, form: type[R]) -> None:
        self._decoder = msgspec.json.Decoder(form)

    def __call__(self, answer: Answer, what: str) -> R:
        """Return the answer, or raise what it means."""
        return read(answer, what, self._decoder)


def question(
    what: str, build: Build, read_answer: Callable[[Answer], T], priority: Priority = Priority.DATA
) -> Ask[T]:
    """Ask a question; an answer of the right form with nonsense in it is a DataError as well."""

    def checked(answer: Answer) -> T:
        try:
            return read_answer(answer)
        except XtradeError:
            raise
        except BROKEN as broken:
            raise DataError(f"lighter: {what}: the answer makes no sense: {broken}") from None

    return Ask(what, build, checked, (Cost(QUESTIONS),), priority)
