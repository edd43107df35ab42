"""How a run begins and ends, in virtual and in real time alike, and how its failures are said."""

from __future__ import annotations

import asyncio
from typing import Any

__all__ = ["end_leftovers", "in_words", "must_be_function"]


def must_be_function(given: object, by: str) -> None:
    """Refuse a coroutine where the function that makes it is wanted: a common slip after `asyncio.run(main())`."""
    if asyncio.iscoroutine(given):
        given.close()
        raise TypeError(f"{by} takes the function itself, {by}(main), not {by}(main())")


def in_words(error: BaseException) -> str:
    """Say an error in one line; a group of errors is said by what is in it."""
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(in_words(each) for each in error.exceptions)
    return f"{type(error).__name__}: {error}"


async def end_leftovers(deadline_ms: int) -> list[asyncio.Task[Any]]:
    """Cancel every task but this one; return those that would not end in time."""
    try:
        async with asyncio.timeout(deadline_ms / 1_000):
            while left := _others():  # what ends may start something new
                for task in left:
                    task.cancel()
                await asyncio.wait(left)
    except TimeoutError:
        return _others()
    return []


def _others() -> list[asyncio.Task[Any]]:
    me = asyncio.current_task()
    # The hash of a virtual task is its order of creation.
    return sorted((task for task in asyncio.all_tasks() if task is not me), key=hash)
