"""Stop asking who does not answer, and find out gently when they do again."""

import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from xtrade.model.errors import ConfigError
from xtrade.net.breaker import Breaker, BreakerRule, Outcome, State

MS = 1_000_000
RULE = BreakerRule(
    failures_max=3, window_ms=1_000, pause_ms_min=100, pause_ms_max=350, probes_max=2, probes_needed=2
)


def fail(breaker, now_ns, times=1):
    for _ in range(times):
        breaker.note(breaker.permit(now_ns), Outcome.FAILURE, now_ns)


def test_enough_failures_open_it_and_the_pause_doubles_up_to_its_end():
    breaker = Breaker(RULE)
    fail(breaker, 0, 2)
    assert breaker.state is State.CLOSED
    fail(breaker, 0)
    now_ns, pauses = 0, []
    for _ in range(4):
        assert breaker.state is State.OPEN
        assert breaker.permit(breaker.open_until_ns - 1) is None
        pauses.append((breaker.open_until_ns - now_ns) // MS)
        now_ns = breaker.open_until_ns
        fail(breaker, now_ns)

    assert pauses == [100, 200, 350, 350]


def test_failures_that_are_long_past_or_few_among_many_open_nothing():
    old, rare = Breaker(RULE), Breaker(RULE)
    for number in range(10):
        fail(old, number * 600 * MS)
        for _ in range(3):
            rare.note(rare.permit(0), Outcome.SUCCESS, 0)
        fail(rare, 0)

    assert old.state is rare.state is State.CLOSED


def test_probes_close_it_and_wipe_the_slate():
    breaker = Breaker(RULE)
    fail(breaker, 0, 3)
    now_ns = breaker.open_until_ns
    first, second, third = (breaker.permit(now_ns) for _ in range(3))

    assert third is None
    breaker.note(first, Outcome.SUCCESS, now_ns)
    assert breaker.state is State.HALF_OPEN
    breaker.note(second, Outcome.SUCCESS, now_ns)
    assert breaker.state is State.CLOSED
    fail(breaker, now_ns, 3)
    assert breaker.open_until_ns == now_ns + 100 * MS


def test_a_probe_that_was_given_up_makes_room_for_another():
    breaker = Breaker(RULE)
    fail(breaker, 0, 3)
    now_ns = breaker.open_until_ns
    probes = [breaker.permit(now_ns) for _ in range(2)]
    assert breaker.permit(now_ns) is None
    breaker.note(probes[0], Outcome.UNKNOWN, now_ns)

    assert breaker.state is State.HALF_OPEN
    assert breaker.permit(now_ns) is not None


def test_an_outcome_of_an_earlier_state_is_not_counted():
    breaker = Breaker(RULE)
    late = [breaker.permit(0) for _ in range(5)]
    fail(breaker, 0, 3)
    now_ns = breaker.open_until_ns
    probe = breaker.permit(now_ns)
    for permit in late:
        breaker.note(permit, Outcome.FAILURE, now_ns)

    assert breaker.state is State.HALF_OPEN
    breaker.note(probe, Outcome.SUCCESS, now_ns)


def test_what_is_urgent_always_passes():
    breaker = Breaker(RULE)
    fail(breaker, 0, 3)

    assert breaker.permit(1, urgent=True) is not None
    breaker.note(breaker.permit(1, urgent=True), Outcome.SUCCESS, 1)
    assert breaker.state is State.OPEN


@pytest.mark.parametrize(
    "field", ["failures_max", "window_ms", "probes_max", "probes_needed", "pause_ms_min"]
)
def test_rules_that_make_no_sense_are_refused(field):
    with pytest.raises(ConfigError, match=f"{field} = 0"):
        BreakerRule(**{field: 0})


class BreakerMachine(RuleBasedStateMachine):
    """Any order of calls, outcomes and waits: it never lets more probes out than it may, and always comes back."""

    def __init__(self):
        super().__init__()
        self.breaker = Breaker(RULE)
        self.now_ns = 0
        self.out = []

    @rule()
    def ask(self):
        was_open = self.breaker.is_open(self.now_ns)
        permit = self.breaker.permit(self.now_ns)
        assert not (was_open and permit)
        if permit is not None:
            self.out.append((permit, self.breaker.state))

    @precondition(lambda self: self.out)
    @rule(at=st.integers(0, 100), outcome=st.sampled_from(Outcome))
    def come_home(self, at, outcome):
        permit, _ = self.out.pop(at % len(self.out))
        self.breaker.note(permit, outcome, self.now_ns)

    @rule(ms=st.integers(1, 2_000))
    def wait(self, ms):
        self.now_ns += ms * MS

    @invariant()
    def few_probes(self):
        probes = [p for p, _ in self.out if p.probe and p.term == self.breaker._term]
        assert len(probes) <= RULE.probes_max
        assert self.breaker._probes == len(probes)

    @invariant()
    def pause_is_bounded(self):
        if self.breaker.state is State.OPEN:
            assert self.breaker.open_until_ns <= self.now_ns + RULE.pause_ms_max * MS

    def teardown(self):
        for permit, _ in self.out:
            self.breaker.note(permit, Outcome.UNKNOWN, self.now_ns)
        for _ in range(RULE.probes_needed):
            self.now_ns += RULE.pause_ms_max * MS
            permit = self.breaker.permit(self.now_ns)
            assert permit is not None
            self.breaker.note(permit, Outcome.SUCCESS, self.now_ns)
        assert self.breaker.state is State.CLOSED


TestBreakerMachine = BreakerMachine.TestCase
TestBreakerMachine.settings = settings(max_examples=40)


@given(st.integers(0, 60), st.integers(1, 10_000))
def test_a_success_alone_never_opens_it(successes, ms):
    breaker = Breaker(RULE)
    for number in range(successes):
        breaker.note(breaker.permit(number * ms * MS), Outcome.SUCCESS, number * ms * MS)

    assert breaker.state is State.CLOSED
