"""How a call ends: with a reply, or with what is known; and what it does not do to a venue in trouble."""

import asyncio

import pytest
import structlog

from net.wires import HOST, answering, read_request, reply_with
from xtrade.model.errors import InDoubt, RateLimited, Unavailable, VenueError
from xtrade.net.breaker import Breaker, BreakerRule, State
from xtrade.net.calls import Call, Caller, pause_by_status
from xtrade.net.http import HttpOptions, HttpSession, HttpTransport, Reply, Request, Timeouts
from xtrade.net.limiter import RateLimiter
from xtrade.net.limits import NOTHING_KEPT, Cost, Pool, Priority, Window
from xtrade.net.memory.faults import FaultPlan
from xtrade.net.retry import Repeat, RetryRule
from xtrade.net.usage import UsageRule, read_usage
from xtrade.runtime import chance, clock
from xtrade.runtime.virtual import run_virtual

SECOND = 1_000_000_000
REQUEST = Request("GET", "http://venue/x")


class Script(HttpTransport):
    """Answers as it was told, one after another, the last one for ever."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.sent = []

    async def send(self, request, *, timeouts=None, what=""):
        self.sent.append(clock.monotonic_ns())
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        await asyncio.sleep(0.01)
        if isinstance(answer, VenueError):
            raise answer
        return answer


def reply(status=200, **headers):
    now_ns = clock.monotonic_ns()
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, names, b"", now_ns, now_ns, now_ns)


def unavailable():
    return Unavailable("no connection", venue="acme", request="x")


def in_doubt():
    return InDoubt("no answer", venue="acme", request="x")


def caller(transport, *others, **options):
    pools = (Pool("weight", (Window(50, 1_000),), NOTHING_KEPT), *others)
    return Caller("acme", transport, RateLimiter("acme", pools), **options)


def call(repeat=Repeat.READ, priority=Priority.DATA, build=lambda: REQUEST):
    return Call("ask", build, (Cost("weight"),), priority, repeat)


def ended(script, repeat, **options):
    async def main():
        return await caller(script, **options).call(call(repeat))

    return run_virtual(main)


@pytest.mark.parametrize("trouble", [unavailable(), in_doubt(), reply(503)])
@pytest.mark.parametrize("repeat", [Repeat.READ, Repeat.IDEMPOTENT])
def test_what_may_be_repeated_is(trouble, repeat):
    script = Script(trouble, trouble, reply())

    assert ended(script, repeat).status == 200
    assert len(script.sent) == 3


@pytest.mark.parametrize(("trouble", "error"), [(unavailable(), Unavailable), (in_doubt(), InDoubt)])
def test_what_may_not_be_repeated_is_sent_once(trouble, error):
    script = Script(trouble, reply())

    with pytest.raises(error):
        ended(script, Repeat.NEVER)

    assert len(script.sent) == 1


def test_a_server_error_that_may_not_be_repeated_is_for_the_venues_table_to_judge():
    script = Script(reply(503))

    assert ended(script, Repeat.NEVER).status == 503
    assert len(script.sent) == 1


@pytest.mark.parametrize(
    ("answers", "repeat", "error"),
    [
        ([in_doubt()], Repeat.READ, Unavailable),  # it was only a question
        ([unavailable()], Repeat.IDEMPOTENT, Unavailable),
        ([in_doubt()], Repeat.IDEMPOTENT, InDoubt),
        ([in_doubt(), unavailable()], Repeat.IDEMPOTENT, InDoubt),  # the first one may have arrived
        ([reply(503), unavailable()], Repeat.IDEMPOTENT, InDoubt),
        ([in_doubt(), reply(429, retry_after="60")], Repeat.IDEMPOTENT, InDoubt),
    ],
)
def test_the_end_says_what_is_known_of_all_attempts(answers, repeat, error):
    with pytest.raises(error):
        ended(Script(*answers), repeat)


def test_repeats_wait_longer_and_longer_and_never_in_step():
    async def main():
        script = Script(unavailable())
        with pytest.raises(Unavailable):
            await caller(
                script,
                retry=RetryRule(attempts_max=8, backoff_ms_min=100, backoff_ms_max=1_600),
                breaker=Breaker(BreakerRule(failures_max=100)),
            ).call(call())
        return [later - earlier for earlier, later in zip(script.sent, script.sent[1:], strict=False)]

    gaps = {seed: run_virtual(main, seed=seed) for seed in range(30)}

    assert all(110_000_000 <= gap <= 1_610_000_000 for each in gaps.values() for gap in each)
    assert sum(each[-1] for each in gaps.values()) > 2 * sum(each[0] for each in gaps.values())
    assert len({each[-1] for each in gaps.values()}) == 30  # jitter does not end at the longest wait


def test_an_outage_is_not_turned_into_a_flood():
    async def main():
        script = Script(unavailable())
        acme = caller(script, breaker=Breaker(BreakerRule(failures_max=10_000)))
        for _ in range(500):
            with pytest.raises(Unavailable):
                await acme.call(call())
        return len(script.sent)

    assert run_virtual(main) <= 500 * 1.2 + 10


def test_a_request_is_built_when_it_is_sent_and_anew_for_each_attempt():
    built = []

    def build():
        built.append(clock.monotonic_ns())
        return REQUEST

    async def main():
        acme = caller(Script(unavailable(), reply()))
        acme.limiter.ban(["weight"], 5 * SECOND)
        await acme.call(call(build=build))

    run_virtual(main)

    assert len(built) == 2
    assert 5 * SECOND == built[0] < built[1]


def test_a_request_that_cannot_be_built_costs_nothing_and_says_why():
    def build():
        raise ValueError("no key")

    async def main():
        acme = caller(Script(reply()))
        with pytest.raises(ValueError, match="no key"):
            await acme.call(call(build=build))
        return acme.limiter.view()[0].used

    assert run_virtual(main) == 0


@pytest.mark.parametrize(("trouble", "used"), [(unavailable(), 0), (in_doubt(), 1)])
def test_what_never_left_costs_nothing_and_what_may_have_left_costs(trouble, used):
    async def main():
        acme = caller(Script(trouble))
        with pytest.raises(VenueError):
            await acme.call(call(Repeat.NEVER))
        return acme.limiter.view()[0].used

    assert run_virtual(main) == used


@pytest.mark.parametrize("repeat", Repeat)
def test_a_long_pause_is_told_and_obeyed_by_the_next(repeat):
    async def main():
        script = Script(reply(429, retry_after="30"), reply())
        acme = caller(script)
        with pytest.raises(RateLimited, match="asks to wait 30000 ms") as caught:
            await acme.call(call(repeat))
        await acme.call(call(repeat))
        return caught.value.retry_after_ns, script.sent[1] - script.sent[0]

    retry_after_ns, gap_ns = run_virtual(main)

    assert retry_after_ns == 30 * SECOND
    assert gap_ns == 30 * SECOND + 10_000_000


def test_a_short_pause_is_waited_for_where_the_request_may_be_repeated():
    script = Script(reply(429, retry_after="2"), reply())

    assert ended(script, Repeat.READ).status == 200
    assert script.sent[1] - script.sent[0] >= 2 * SECOND


def test_the_venues_own_figures_reach_the_limiter():
    rules = (UsageRule(header="x-used", pool="weight", window_ms=1_000),)

    async def main():
        acme = caller(Script(reply(x_used="41")), usage=lambda r: read_usage(rules, r.headers))
        await acme.call(call())
        return acme.limiter.view()[0].used

    assert run_virtual(main) == 41


def test_a_header_says_nothing_of_a_pool_that_the_call_did_not_cost():
    rules = (
        UsageRule(header="x-used", pool="weight", window_ms=1_000),
        UsageRule(header="x-used", pool="futures weight", window_ms=1_000),
    )

    async def main():
        acme = caller(
            Script(reply(x_used="41")),
            Pool("futures weight", (Window(100, 1_000),)),
            usage=lambda r: read_usage(rules, r.headers),
        )
        await acme.call(call())
        return {pool.pool: pool.used for pool in acme.limiter.view()}

    assert run_virtual(main) == {"weight": 41}


def test_an_open_breaker_refuses_at_once_and_lets_cancels_pass():
    async def main():
        script = Script(unavailable())
        acme = caller(script, breaker=Breaker(BreakerRule(failures_max=3)))
        for _ in range(3):
            with pytest.raises(Unavailable):
                await acme.call(call(Repeat.NEVER))
        assert acme.breaker.state is State.OPEN
        with pytest.raises(Unavailable, match="not sent, the venue has failed too often"):
            await acme.call(call(Repeat.NEVER, Priority.TRADE))
        sent = len(script.sent)
        with pytest.raises(Unavailable, match="no connection"):
            await acme.call(call(Repeat.NEVER, Priority.CANCEL))
        return sent, len(script.sent)

    assert run_virtual(main) == (3, 4)


def test_pauses_by_status():
    rule = pause_by_status("weight", statuses=(403, 429), wait_ms=7, cancels_pass=True)

    assert rule(reply(418)) is None
    assert rule(reply(403)) == (7_000_000, ("weight",), True)
    assert rule(reply(429, retry_after="1")) == (SECOND, ("weight",), True)


def test_every_attempt_is_one_line_under_one_id():
    async def main():
        await caller(Script(unavailable(), reply())).call(call())

    with structlog.testing.capture_logs() as lines:
        run_virtual(main)

    assert [(line["event"], line["call"], line["attempt"]) for line in lines] == [
        ("call failed", "acme-1", 1),
        ("call answered", "acme-1", 2),
    ]


@pytest.mark.parametrize("seed", range(25))
def test_under_any_faults_a_call_ends_with_the_truth(memory, seed):
    """
    A reply: the venue saw it exactly once. Unavailable: never. In doubt: at most once.
    """
    seen = {}

    async def venue(reader, writer):
        while True:
            head, _ = await read_request(reader)
            name = head[0].split()[1].partition("=")[2]
            seen[name] = seen.get(name, 0) + 1
            await asyncio.sleep(0.01)
            writer.write(reply_with(name.encode()))

    async def one(acme, port, number, known):
        request = Request("POST", f"http://{HOST}:{port}/?order={number}", body=b"x" * 300)
        try:
            answer = await acme.call(
                Call("place", lambda: request, (Cost("weight"),), Priority.TRADE, Repeat.NEVER)
            )
        except (Unavailable, InDoubt) as error:
            known[str(number)] = type(error)
        else:
            # What garbage has hit says anything at all; what is read as 200 was seen.
            known[str(number)] = Reply if answer.status == 200 else InDoubt

    async def main():
        memory.network.plan = FaultPlan.drawn(chance.stream("plan"), on=0.5, p_max=0.5)
        known = {}
        timeouts = Timeouts(connect_ms=1_000, first_byte_ms=2_000, total_ms=4_000)
        async with (
            answering(venue) as port,
            HttpSession("acme", HttpOptions(timeouts=timeouts)) as http,
        ):
            acme = caller(http, breaker=Breaker(BreakerRule(failures_max=1_000)))
            await asyncio.gather(*(one(acme, port, number, known) for number in range(60)))
            await asyncio.sleep(60)  # what is still under way arrives
        return known

    known = memory.run(main, seed=seed)

    assert len(known) == 60
    for number, end in known.items():
        assert seen.get(number, 0) in {Reply: {1}, Unavailable: {0}, InDoubt: {0, 1}}[end]
