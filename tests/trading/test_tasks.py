"""Coroutines on the engine's events: in order, once, and ended where they wait."""

import asyncio
from collections import deque

import pytest

from xtrade.model.errors import UsageError
from xtrade.trading.tasks import Signal, Task, TaskCanceled


class Hand:
    """The engine's hand: what is to be resumed, in order."""

    def __init__(self):
        self.later = deque()
        self.failures = []

    def task(self, coroutine):
        return Task(coroutine, resume_later=self.later.append, failed=self.failures.append)

    def drain(self):
        while self.later:
            self.later.popleft()()


@pytest.fixture
def hand():
    return Hand()


def test_a_task_begins_later_and_ends_with_its_result(hand):
    async def add():
        return 1 + 1

    task = hand.task(add())
    assert not task.ended.is_set
    hand.drain()
    assert (task.ended.value, task.name) == (2, add.__qualname__)


def test_it_waits_for_a_signal_and_goes_on_once_it_is_known(hand):
    signal, seen = Signal(), []

    async def wait():
        seen.append(await signal)
        seen.append(await signal)  # known already: at once

    hand.task(wait())
    hand.drain()
    assert seen == []
    signal.set(5)
    signal.set(6)
    hand.drain()
    assert seen == [5, 5]


def test_tasks_that_wait_for_one_signal_go_on_in_the_order_in_which_they_waited(hand):
    signal, seen = Signal(), []

    async def wait(name):
        await signal
        seen.append(name)

    for name in "abc":
        hand.task(wait(name))
    hand.drain()
    signal.set(None)
    hand.drain()
    assert seen == ["a", "b", "c"]


def test_a_task_awaits_another_one(hand):
    signal = Signal()

    async def inner():
        return await signal

    async def outer():
        return 10 * await hand.task(inner())

    task = hand.task(outer())
    hand.drain()
    signal.set(4)
    hand.drain()
    assert task.ended.value == 40


def test_a_cancel_ends_it_where_it_waits_after_it_put_things_in_order(hand):
    signal, seen = Signal(), []

    async def wait():
        try:
            await signal
        except TaskCanceled:
            seen.append("in order")
            raise

    task = hand.task(wait())
    hand.drain()
    task.cancel()
    task.cancel()
    hand.drain()
    assert (seen, task.ended.is_set, task.ended.value) == (["in order"], True, None)
    signal.set(1)
    hand.drain()
    assert seen == ["in order"]
    assert hand.failures == []


def test_a_signal_that_comes_together_with_a_cancel_resumes_it_once(hand):
    signal, seen = Signal(), []

    async def wait():
        try:
            await signal
        except TaskCanceled:
            seen.append("canceled")
            raise
        seen.append("resumed")

    task = hand.task(wait())
    hand.drain()
    signal.set(1)
    task.cancel()
    hand.drain()
    assert seen == ["canceled"]


def test_who_goes_on_after_a_cancel_may_wait_again(hand):
    first, second, seen = Signal(), Signal(), []

    async def stubborn():
        try:
            await first
        except TaskCanceled:
            seen.append(await second)

    task = hand.task(stubborn())
    hand.drain()
    task.cancel()
    hand.drain()
    second.set("cleaned up")
    hand.drain()
    assert (seen, task.ended.is_set) == (["cleaned up"], True)


def test_a_failure_is_told_and_ends_it(hand):
    async def fail():
        raise ValueError("as asked")

    task = hand.task(fail())
    hand.drain()
    assert task.ended.is_set
    assert [str(error) for error in hand.failures] == ["as asked"]


def test_what_is_not_of_the_engine_is_refused_with_what_to_await_instead(hand):
    async def sleepy():
        await asyncio.sleep(0)

    hand.task(sleepy())
    hand.drain()
    (error,) = hand.failures
    assert isinstance(error, UsageError)
    assert "a task of the engine awaits ctx.sleep" in str(error)
