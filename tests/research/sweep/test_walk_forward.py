"""What was chosen in one window is judged in the next, and nothing of the test is known where it is chosen."""

from itertools import pairwise

import msgspec
import numpy as np
import pytest
from hypothesis import given, strategies as st

from kit.trials import DAY_NS, daily, noise
from xtrade.model.errors import UsageError
from xtrade.research.sweep.space import Space
from xtrade.research.sweep.trial import Outcome, Window
from xtrade.research.sweep.walk_forward import walk_forward
from xtrade.research.sweep.windows import splits

SPAN = Window(start_ns=0, end_ns=100 * DAY_NS)


def days(count):
    return count * DAY_NS


def fashion(params, window):
    """The market likes x = 0 for 30 days, then x = 1, then x = 2; one daily return for each day of the window."""
    found = []
    for day in range(window.start_ns // DAY_NS, window.end_ns // DAY_NS):
        liked = params["x"] == min(day // 30, 2)
        found.append((0.01 if liked else -0.01) + (0.001 if day % 2 else -0.001))
    return daily(found)


def walked(evaluate=fashion, space=None, span=SPAN, **options):
    options = {"train_ns": days(20), "test_ns": days(10), "executor": "here"} | options
    return walk_forward(evaluate, space or Space.of(x=[0, 1, 2]), span, **options)


def in_days(window):
    return window.start_ns // DAY_NS, window.end_ns // DAY_NS


def test_a_rolling_window_keeps_its_length_and_an_anchored_one_its_start():
    options = {"train_ns": days(30), "test_ns": days(20), "embargo_ns": days(5)}
    rolling, anchored = splits(SPAN, **options), splits(SPAN, **options, anchored=True)

    assert [in_days(step.train) for step in rolling] == [(0, 30), (20, 50), (40, 70)]
    assert [in_days(step.train) for step in anchored] == [(0, 30), (0, 50), (0, 70)]
    assert [in_days(step.test) for step in rolling] == [(35, 55), (55, 75), (75, 95)]
    assert [step.test for step in anchored] == [step.test for step in rolling]


@given(
    st.integers(1, 10**6), st.integers(1, 10**4), st.integers(1, 10**4), st.integers(0, 10**3), st.booleans()
)
def test_tests_come_after_training_and_touch_each_other(length, train, test, embargo, anchored):
    if train + embargo + test > length or length // test > 5_000:
        return
    span = Window(start_ns=7, end_ns=7 + length)
    found = splits(span, train_ns=train, test_ns=test, embargo_ns=embargo, anchored=anchored)

    assert all(step.test.start_ns == step.train.end_ns + embargo for step in found)
    assert all(one.test.end_ns == other.test.start_ns for one, other in pairwise(found))
    assert found[0].train.start_ns == 7
    assert 0 <= span.end_ns - found[-1].test.end_ns < test


def test_what_was_best_in_training_is_what_is_tested():
    found = walked()

    chosen = [leg.training.best_params["x"] for leg in found.legs]
    assert chosen == [0, 0, 0, 1, 1, 1, 2, 2]  # of equals the first
    assert [leg.test.params["x"] for leg in found.legs] == chosen
    assert [in_days(leg.test.window) for leg in found.legs] == [(20 + 10 * n, 30 + 10 * n) for n in range(8)]
    assert found.changes == 2


def test_the_tests_make_one_track_record():
    found = walked()

    by_leg = [leg.test.outcome.returns for leg in found.legs]
    assert found.returns.tolist() == np.concatenate(by_leg).tolist()
    assert found.breaks == (10, 20, 30, 40, 50, 60, 70)
    assert found.equity[0] == 1
    assert found.equity[-1] == pytest.approx(float(np.prod(1 + found.returns)))
    assert found.total_return == pytest.approx(found.equity[-1] - 1)
    assert found.sharpe_out_of_sample == pytest.approx(
        found.returns.mean() / found.returns.std(ddof=1) * 365**0.5
    )


def test_the_verdict_says_what_was_left_of_the_promise():
    found = walked(noise, Space.of(x=range(20)), train_ns=days(40), test_ns=days(10))

    assert len(found.legs) == 6
    assert not found.convincing
    assert found.sharpe_in_training > 2 * abs(found.sharpe_out_of_sample)
    kept = max(found.sharpe_out_of_sample, 0) / found.sharpe_in_training * 100
    assert (
        f"Out of sample, over 6 windows: a Sharpe ratio of {found.sharpe_out_of_sample:.2f} a year"
        in found.verdict
    )
    assert (
        f"the same parameters had {found.sharpe_in_training:.2f}: {kept:.0f} % of it remained."
        in found.verdict
    )
    assert f"The choice changed in {found.changes} of 5 steps." in found.verdict


def hourly_in_tests(params, window):
    """The same growth everywhere, told by the hour in short windows and by the day in long ones."""
    hours = (window.end_ns - window.start_ns) // (DAY_NS // 24)
    by_hour = 1e-4 + 1e-3 * np.where(np.arange(hours) % 2, 1, -1)
    if hours <= 24 * 10:
        return Outcome(metrics={"sharpe": 1.0}, returns=by_hour, step_ns=DAY_NS // 24)
    noisy_days = 24e-4 + 24**0.5 * 1e-3 * np.where(np.arange(hours // 24) % 2, 1, -1)
    return Outcome(metrics={"sharpe": 1.0}, returns=noisy_days, step_ns=DAY_NS)


def test_training_and_tests_on_different_grids_are_compared_by_the_year():
    found = walked(hourly_in_tests, Space.of(x=[1]), train_ns=days(40), test_ns=days(10))

    assert found.sharpe_in_training == pytest.approx(0.1 * (365 * 24) ** 0.5, rel=0.02)
    assert found.sharpe_out_of_sample == pytest.approx(0.1 * (365 * 24) ** 0.5, rel=0.02)


def test_what_is_left_at_the_end_is_said():
    found = walked(span=Window(start_ns=0, end_ns=days(103)))

    assert found.remarks == ("The last 3 days are too short for another test and were not used.",)


def test_a_choice_that_fails_in_the_test_is_a_hole_and_is_said():
    def fragile(params, window):
        if in_days(window) == (30, 40):
            raise OSError("no data")
        return fashion(params, window)

    found = walked(fragile)

    assert len(found.returns) == 70
    assert found.remarks[0].startswith("Window 2: what was chosen failed in the test: OSError: no data")


def test_a_window_where_nothing_can_be_chosen_is_a_hole_and_is_said():
    def late(params, window):
        if in_days(window) == (0, 20):
            raise OSError("no data")
        return fashion(params, window)

    found = walked(late)

    assert found.legs[0].test is None
    assert found.remarks == ("Window 1: nothing could be chosen, so nothing was tested.",)


def test_a_store_remembers_windows(tmp_path):
    ran = []

    def counted(params, window):
        ran.append((params["x"], window))
        return fashion(params, window)

    options = {"store": tmp_path, "code": "one"}
    short = walked(counted, span=Window(start_ns=0, end_ns=days(50)), **options)
    before = len(ran)
    longer = walked(counted, **options)

    assert len(short.legs) == 3
    assert before == 3 * 4
    assert len(ran) == 8 * 4  # three in training and one in the test, once for each window
    assert longer.returns.tolist() == walked().returns.tolist()


def test_a_test_is_no_second_look_at_the_training_window():
    """Without embargo the windows touch; with it, what lies between is seen by nobody."""
    seen = set()

    def looking(params, window):
        seen.update(range(*in_days(window)))
        return fashion(params, window)

    walked(looking, span=Window(start_ns=0, end_ns=days(35)), embargo_ns=days(5))

    assert seen == {*range(20), *range(25, 35)}


def test_ctrl_c_keeps_the_windows_that_were_walked():
    def stopped(params, window):
        if in_days(window) == (40, 60):
            raise KeyboardInterrupt
        return fashion(params, window)

    found = walked(stopped)

    assert found.interrupted
    assert len(found.legs) == 4
    assert found.remarks == ("Interrupted: 4 of 8 windows were walked.",)


def test_ctrl_c_before_the_first_window_is_no_verdict():
    def stopped(params, window):
        raise KeyboardInterrupt

    found = walked(stopped)

    assert found.legs == ()
    assert found.verdict == "No verdict: the tests brought no returns that vary."
    assert found.total_return is None


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"train_ns": days(95)}, "100 days are too short for a walk forward: .* take 105 days"),
        ({"test_ns": 0}, "test_ns = 0: expected at least 1"),
        ({"embargo_ns": -1}, "embargo_ns = -1: expected at least 0"),
        ({"search": "random"}, "has to know how many trials"),
    ],
)
def test_a_walk_that_cannot_be_is_refused_before_anything_runs(wrong, said):
    def never(params, window):
        raise AssertionError

    with pytest.raises(UsageError, match=said):
        walked(never, **wrong)


def test_the_walk_can_be_read_as_data_and_as_a_page(tmp_path):
    found = walked()
    html, json = found.save(tmp_path)
    told = msgspec.json.decode(json.read_bytes())
    page = html.read_text()

    assert [row["params"] for row in told["legs"]] == [leg.training.best_params for leg in found.legs]
    assert told["sharpe_out_of_sample"] == found.sharpe_out_of_sample
    assert told["verdict"] == found.verdict
    assert found.plan() == "8 windows, tested from 1970-01-21 to 1970-04-11."
    assert found.verdict in page
    assert page.count('class="grid"') >= 7
    assert len(found.rows()) == 9
    assert found.rows()[1][:6] == ["1", "1970-01-01", "1970-01-21", "1970-01-21", "1970-01-31", "x=0"]
