"""Never over the limit in any window of the venue's, no cancel behind anything, nobody starved."""

import asyncio
from bisect import bisect_left
from itertools import pairwise

import pytest
from hypothesis import given, settings, strategies as st

from xtrade.model.errors import ConfigError, RateLimited
from xtrade.net.limiter import Ban, RateLimiter
from xtrade.net.limits import KEPT, NOTHING_KEPT, Cost, Pool, Priority, Window, shared
from xtrade.net.meter import Meter
from xtrade.net.usage import Usage
from xtrade.runtime import clock
from xtrade.runtime.virtual import run_virtual

MS = 1_000_000
SECOND = 1_000 * MS


def limiter(*pools, **options):
    return RateLimiter("acme", pools or (Pool("weight", (Window(10, 1_000),)),), **options)


async def spend(limits, cost=1, priority=Priority.DATA, took_ms=0, pool="weight", key=""):
    """One request of `took_ms`; returns when it was let out and when its exchange ended."""
    async with limits.grant((Cost(pool, cost, key),), priority):
        out_ns = clock.monotonic_ns()
        await asyncio.sleep(took_ms / 1_000)
    return out_ns, clock.monotonic_ns()


requests = st.lists(
    st.tuples(
        st.integers(0, 3_000),  # wanted at, ms
        st.integers(0, 700),  # takes, ms
        st.integers(1, 3),  # weight
        st.sampled_from(Priority),
        st.sampled_from([0.0, 1.0]) | st.floats(0, 1),  # where in its exchange the venue counts it
    ),
    min_size=1,
    max_size=60,
)


@settings(max_examples=60)
@given(requests, st.sampled_from([KEPT, NOTHING_KEPT]), st.integers(8, 20), st.integers(10, 60))
def test_no_window_of_the_venue_ever_holds_more_than_its_limit(wanted, kept, short_limit, long_limit):
    """
    Wherever in its exchange a request reaches the venue, and wherever the venue's window begins.
    """
    windows = (Window(short_limit, 300), Window(long_limit, 2_000))
    arrivals = []

    async def one(limits, at_ms, took_ms, weight, priority, where):
        await asyncio.sleep(at_ms / 1_000)
        out_ns, end_ns = await spend(limits, weight, priority, took_ms)
        arrivals.append((out_ns + int((end_ns - out_ns) * where), weight))

    async def main():
        limits = limiter(Pool("weight", windows, kept))
        await asyncio.gather(*(one(limits, *request) for request in wanted))

    run_virtual(main)

    assert len(arrivals) == len(wanted)
    arrivals.sort()
    times = [at_ns for at_ns, _ in arrivals]
    for window in windows:
        for first, (at_ns, _) in enumerate(arrivals):
            last = bisect_left(times, at_ns + window.ms * MS)
            assert sum(weight for _, weight in arrivals[first:last]) <= window.limit


@given(st.integers(0, 10**12), st.integers(1, 100_000))
def test_what_has_ended_counts_for_a_whole_window_more(ended_ns, window_ms):
    meter = Meter(Window(1, window_ms), NOTHING_KEPT)
    meter.open(1, Priority.DATA)
    meter.settle(1, Priority.DATA, ended_ns)

    assert not meter.has_room(1, Priority.DATA, ended_ns + window_ms * MS - 1)
    assert meter.has_room(1, Priority.DATA, ended_ns + window_ms * MS * 65 // 64 + 1)


def test_nothing_passes_a_cancel_that_waits_not_even_what_is_kept_for_it():
    async def main():
        limits = limiter(Pool("weight", (Window(10, 1_000),), {Priority.DATA: 10}))
        await spend(limits, 8, Priority.CANCEL)
        cancel = asyncio.create_task(spend(limits, 3, Priority.CANCEL))
        await asyncio.sleep(0.1)
        data = asyncio.create_task(spend(limits, 1, Priority.DATA))
        return (await cancel)[0], (await data)[0]

    cancel_ns, data_ns = run_virtual(main)

    assert SECOND <= cancel_ns <= data_ns


def test_what_is_kept_for_a_kind_of_work_passes_waiting_work_of_a_higher_kind():
    async def main():
        limits = limiter(Pool("weight", (Window(10, 1_000),), {Priority.ACCOUNT: 10}))
        await spend(limits, 8, Priority.TRADE)
        trade = asyncio.create_task(spend(limits, 3, Priority.TRADE))
        await asyncio.sleep(0.1)
        account = await spend(limits, 1, Priority.ACCOUNT)
        return (await trade)[0], account[0]

    trade_ns, account_ns = run_virtual(main)

    assert account_ns < SECOND <= trade_ns


def test_a_light_request_does_not_slip_past_a_heavy_one():
    async def main():
        limits = limiter(Pool("weight", (Window(10, 1_000),), NOTHING_KEPT))
        await spend(limits, 6)
        heavy = asyncio.create_task(spend(limits, 5))
        await asyncio.sleep(0.1)
        light = asyncio.create_task(spend(limits, 1))
        return (await heavy)[0], (await light)[0]

    heavy_ns, light_ns = run_virtual(main)

    assert SECOND <= heavy_ns <= light_ns


@settings(max_examples=25)
@given(st.integers(2, 60))
def test_a_flood_of_data_leaves_room_for_a_cancel(limit):
    async def main():
        limits = limiter(Pool("weight", (Window(limit, 60_000),)))
        tasks = [asyncio.create_task(spend(limits)) for _ in range(limit * 2)]
        await asyncio.sleep(1)
        room = limits.wait_ns((Cost("weight"),), Priority.CANCEL)
        for task in tasks:
            task.cancel()
        return room

    assert run_virtual(main) == 0


def test_a_flood_of_orders_does_not_starve_what_we_must_know():
    async def main():
        limits = limiter(Pool("weight", (Window(100, 1_000),)))
        done = dict.fromkeys(Priority, 0)

        async def flood(priority):
            while True:
                await spend(limits, 1, priority)
                done[priority] += 1

        tasks = [
            asyncio.create_task(flood(p)) for p in (Priority.TRADE, Priority.ACCOUNT) for _ in range(120)
        ]
        await asyncio.sleep(20)
        for task in tasks:
            task.cancel()
        return done

    done = run_virtual(main)

    assert done[Priority.ACCOUNT] >= 150  # ten percent are kept for it
    assert done[Priority.TRADE] >= 1_200  # and the rest goes by priority


def test_first_come_is_first_served():
    async def one(limits, number):
        await asyncio.sleep(number / 1_000)
        return (await spend(limits, 3))[0]

    async def main():
        limits = limiter(Pool("weight", (Window(6, 100),), NOTHING_KEPT))
        return await asyncio.gather(*(one(limits, number) for number in range(20)))

    let_out_ns = run_virtual(main)

    assert let_out_ns == sorted(let_out_ns)
    assert let_out_ns[-1] >= 900 * MS


def test_a_full_pool_holds_back_nobody_who_does_not_need_it():
    async def main():
        limits = limiter(
            Pool("ip", (Window(100, 1_000),), NOTHING_KEPT), Pool("market", (Window(1, 1_000),), NOTHING_KEPT)
        )

        async def order(market):
            async with limits.grant((Cost("ip"), Cost("market", key=market)), Priority.TRADE):
                return clock.monotonic_ns()

        times = await asyncio.gather(order("BTC"), order("BTC"), order("ETH"))
        return [at_ns // SECOND for at_ns in times]

    assert run_virtual(main, pick="first") == [0, 1, 0]


def test_who_has_waited_long_for_one_pool_is_not_overtaken_for_ever_in_another():
    async def main():
        limits = limiter(
            Pool("a", (Window(1, 100),), NOTHING_KEPT),
            Pool("b", (Window(1, 100),), NOTHING_KEPT),
            patience_ms=500,
        )
        stop = False

        async def flood(pool):
            await asyncio.sleep(0.05 * (pool == "b"))  # the two are never free at the same time by themselves
            while not stop:
                await spend(limits, pool=pool)

        floods = [asyncio.create_task(flood(pool)) for pool in "aabb"]
        await asyncio.sleep(1)
        async with asyncio.timeout(2), limits.grant((Cost("a"), Cost("b")), Priority.DATA):
            stop = True
        await asyncio.gather(*floods)

    run_virtual(main, seed=3)


def test_what_the_venue_counts_and_we_do_not_is_somebody_elses():
    async def main():
        limits = limiter(Pool("weight", (Window(10, 1_000),), NOTHING_KEPT))
        async with limits.grant((Cost("weight", 2),), Priority.DATA):
            limits.observe([Usage("weight", 1_000, used=9), Usage("other", 1_000, used=3)])
        used = limits.view()[0].used
        limits.observe([Usage("weight", 1_000, used=3)])  # less than we know of: ours stands
        return used, limits.view()[0].used, limits.wait_ns((Cost("weight", 2),), Priority.DATA)

    used, later, wait_ns = run_virtual(main)

    assert (used, later) == (9, 9)
    assert SECOND <= wait_ns <= SECOND * 65 // 64 + MS


def test_a_limit_that_the_venue_changes_is_the_limit():
    async def main():
        limits = limiter(Pool("weight", (Window(10, 1_000),), NOTHING_KEPT))
        limits.observe([Usage("weight", 1_000, used=None, limit=3)])
        times = await asyncio.gather(*(spend(limits) for _ in range(4)))
        return sorted(at_ns // SECOND for at_ns, _ in times)

    assert run_virtual(main) == [0, 0, 0, 1]


def test_who_waits_for_what_a_lowered_limit_never_gives_is_told():
    async def main():
        limits = limiter(Pool("weight", (Window(10, 1_000),), NOTHING_KEPT))
        await spend(limits, 10)
        waiting = asyncio.create_task(spend(limits, 8))
        await asyncio.sleep(0.1)
        limits.observe([Usage("weight", 1_000, used=None, limit=5)])
        await waiting

    with pytest.raises(ConfigError, match="weight 8 never fits 'weight', which lets out 5 within 1000 ms"):
        run_virtual(main)


def test_a_ban_is_obeyed_by_everyone_and_ends():
    async def main():
        limits = limiter()
        limits.ban(["weight"], 30 * SECOND)
        times = await asyncio.gather(spend(limits, priority=Priority.CANCEL), spend(limits))
        return [at_ns for at_ns, _ in times]

    assert run_virtual(main) == [30 * SECOND] * 2


def test_cancels_pass_a_ban_where_the_venue_takes_them():
    async def main():
        limits = limiter()
        limits.ban(["weight"], 30 * SECOND, cancels_pass=True)
        times = await asyncio.gather(spend(limits, priority=Priority.CANCEL), spend(limits))
        return [at_ns for at_ns, _ in times]

    assert run_virtual(main) == [0, 30 * SECOND]


def test_a_shorter_ban_does_not_end_a_longer_one():
    async def main():
        limits = limiter()
        limits.ban(["weight"], 30 * SECOND)
        limits.ban(["weight"], 5 * SECOND)
        return (await spend(limits))[0]

    assert run_virtual(main) == 30 * SECOND


def test_a_restart_does_not_end_a_ban():
    async def first():
        limits = limiter()
        limits.ban(["weight"], 30 * SECOND)
        await asyncio.sleep(10)
        return limits.bans()

    bans = run_virtual(first)

    async def second():
        limits = limiter()
        limits.restore([*bans, Ban("weight", "", 5, False)])
        return (await spend(limits))[0]

    assert run_virtual(second, start_ns=clock.START_NS + 12 * SECOND) == 18 * SECOND


def test_what_never_left_costs_nothing():
    async def main():
        limits = limiter(Pool("weight", (Window(1, 1_000),)))
        for _ in range(5):
            async with limits.grant((Cost("weight"),), Priority.DATA) as grant:
                grant.give_back()
        await spend(limits)
        return clock.monotonic_ns()

    assert run_virtual(main) == 0


@pytest.mark.parametrize("seed", range(20))
def test_who_gives_up_waiting_leaves_nothing_behind(seed):
    async def main():
        limits = limiter(Pool("weight", (Window(2, 100),), NOTHING_KEPT))

        async def impatient(after_ms):
            async with asyncio.timeout(after_ms / 1_000):
                await spend(limits)

        await asyncio.gather(*(impatient(after_ms) for after_ms in range(95, 110)), return_exceptions=True)
        await asyncio.sleep(1)
        assert limits.waiting == 0
        return limits.view()[0].used

    assert run_virtual(main, seed=seed) == 0


@pytest.mark.parametrize("seed", range(20))
def test_who_gives_up_in_the_instant_of_being_let_out_leaves_nothing_behind(seed):
    async def main():
        limits = limiter(Pool("weight", (Window(1, 100),), NOTHING_KEPT))
        await spend(limits)
        wait_ns = limits.wait_ns((Cost("weight"),), Priority.DATA)
        waiting = asyncio.create_task(spend(limits))
        asyncio.get_running_loop().call_later(wait_ns / 1e9, waiting.cancel)
        await asyncio.gather(waiting, return_exceptions=True)
        await asyncio.sleep(1)
        return limits.view()[0].used

    assert run_virtual(main, seed=seed) == 0


def test_a_queue_has_an_end():
    async def main():
        limits = limiter(waiting_max=3)
        limits.ban(["weight"], SECOND)
        tasks = [asyncio.create_task(spend(limits)) for _ in range(3)]
        await asyncio.sleep(0.1)
        with pytest.raises(RateLimited, match="3 requests wait for the rate limits already"):
            await spend(limits)
        await asyncio.gather(*tasks)

    run_virtual(main)


def test_an_unknown_pool_is_no_free_pass():
    async def main():
        await spend(limiter(), pool="wieght")

    with pytest.raises(ConfigError, match="no rate limit pool is called 'wieght'. Did you mean 'weight'?"):
        run_virtual(main)


def test_what_never_fits_is_refused_at_once():
    async def main():
        await spend(limiter(), 11, Priority.CANCEL)

    with pytest.raises(ConfigError, match="weight 11 never fits"):
        run_virtual(main)


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: Window(0, 1), "limit = 0"),
        (lambda: Pool("x", ()), "no window"),
        (lambda: Pool("x", (Window(1, 5), Window(2, 5))), "two windows"),
        (lambda: Pool("x", (Window(1, 5),), {Priority.CANCEL: 101}), "up to 100 percent"),
        (lambda: shared((), 0), "1 to 100 percent"),
    ],
)
def test_limits_that_make_no_sense_are_refused(build, said):
    with pytest.raises(ConfigError, match=said):
        build()


def test_a_share_cuts_every_window():
    (pool,) = shared((Pool("weight", (Window(2_400, 60_000), Window(1, 1_000))),), 50)

    assert [window.limit for window in pool.windows] == [1_200, 1]


def test_idle_markets_are_let_go():
    async def main():
        limits = limiter(Pool("market", (Window(5, 10),)))
        for number in range(3_000):
            await spend(limits, pool="market", key=str(number), took_ms=1)
        return len(limits.view())

    assert run_virtual(main) <= 1_024


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(1, 9)), max_size=40), st.integers(1, 9))
def test_room_is_there_when_it_was_said_and_not_a_nanosecond_before(spent, weight):
    meter = Meter(Window(9, 100), NOTHING_KEPT)
    now_ns = 0
    for after_ms, amount in spent:
        now_ns += after_ms * MS
        if meter.has_room(amount, Priority.DATA, now_ns):
            meter.open(amount, Priority.DATA)
            meter.settle(amount, Priority.DATA, now_ns)
    at_ns = meter.room_at_ns(weight, Priority.DATA, now_ns)

    assert at_ns is not None
    if at_ns > now_ns:
        assert not meter.has_room(weight, Priority.DATA, at_ns - 1)
    assert meter.has_room(weight, Priority.DATA, at_ns)
    assert all(a <= b for a, b in pairwise([now_ns, at_ns]))
