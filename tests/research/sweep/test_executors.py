"""Trials run on every core, whatever they raise and whoever dies; real processes throughout."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kit.trials import AfterWarmUp, Counted, Dying, WarmUp, hill, odd_ones_fail, who, wrong_answer
from xtrade.model.errors import UsageError
from xtrade.research.sweep.executor import InThisProcess, Task, executor_named
from xtrade.research.sweep.local import LocalExecutor
from xtrade.research.sweep.space import Space
from xtrade.research.sweep.sweep import sweep

STUCK = Path(__file__).parent / "programs" / "stuck.py"
TESTS = Path(__file__).parents[2]


def swept(evaluate, count, **options):
    options = {"objective": "score", "workers": 2} | options
    return sweep(evaluate, Space.of(x=range(count)), **options)


def test_both_workers_have_their_share():
    found = swept(who, 8)
    processes = {trial.metric("score") for trial in found.trials}

    assert len(processes) == 2
    assert os.getpid() not in processes
    assert {trial.worker for trial in found.trials} == {str(int(process)) for process in processes}


def test_there_is_a_worker_for_every_core_unless_told_otherwise():
    assert executor_named("local").workers == os.cpu_count()
    assert executor_named("local", workers=3).workers == 3


@pytest.mark.parametrize("executor", ["local", "here"])
def test_a_trial_that_raises_is_an_outcome_with_its_error(executor):
    found = swept(odd_ones_fail, 5, executor=executor)

    assert [trial.metric("score") for trial in found.trials] == [0, None, 2, None, 4]
    assert found.failed == 2
    assert found.trials[1].error.startswith("ValueError: no sense in x = 1 (")
    assert "kit/trials.py:" in found.trials[1].error
    assert "2 of 5 trials failed and are not judged; the first: ValueError" in found.verdict()


def test_an_answer_that_is_no_outcome_is_an_error():
    found = swept(wrong_answer, 2, executor="here")

    assert {trial.error for trial in found.trials} == {"the trial returned dict, expected an Outcome"}
    assert found.best is None


def test_a_worker_that_dies_is_replaced_and_its_trial_runs_again(tmp_path):
    found = swept(Dying(str(tmp_path), once={1, 2}), 4, workers=1)

    assert [trial.metric("score") for trial in found.trials] == [0, 1, 2, 3]
    assert found.failed == 0
    assert len(list(tmp_path.iterdir())) == 2


def test_a_trial_that_kills_every_worker_is_marked_and_the_others_are_done(tmp_path):
    found = swept(Dying(str(tmp_path), always={1}), 4, workers=1)

    assert [trial.metric("score") for trial in found.trials if not trial.error] == [0, 2, 3]
    assert found.trials[1].error == "the process that ran it died 2 times (killed by SIGKILL, out of memory?)"


def test_kernels_are_compiled_once_and_before_the_first_trial(tmp_path):
    found = swept(AfterWarmUp(str(tmp_path)), 6, warm_up=WarmUp(str(tmp_path)))

    assert {trial.metric("score") for trial in found.trials} == {1}
    assert len(WarmUp(str(tmp_path)).made()) == 1


def test_a_warm_up_that_fails_stops_the_sweep_before_it_begins(tmp_path):
    (tmp_path / "warm-already").touch()

    with pytest.raises(UsageError, match="a worker cannot load what it should run .AssertionError"):
        swept(hill, 2, warm_up=WarmUp(str(tmp_path)), workers=1)


def test_a_function_that_cannot_travel_says_what_can():
    with pytest.raises(UsageError, match="define it at the top level of a module.*or take executor='here'"):
        swept(lambda params, window: hill(params | {"y": 4}, window), 2)


def test_a_function_that_cannot_travel_runs_here():
    found = sweep(
        lambda params, window: hill({"y": 4} | params, window),
        Space.of(x=range(6)),
        objective="score",
        executor="here",
    )

    assert found.best_params == {"x": 3}


def test_a_script_that_forgot_its_guard_is_told(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "from kit.trials import hill\n"
        "from xtrade.research.sweep.space import Space\n"
        "from xtrade.research.sweep.sweep import sweep\n"
        "sweep(hill, Space.of(x=[1, 2], y=4), objective='score', workers=1)\n"
    )
    ran = subprocess.run(
        [sys.executable, script],
        env=os.environ | {"PYTHONPATH": str(TESTS)},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert (
        "a script that calls sweep() has to do so under if __name__ == '__main__':"
        in ran.stderr.splitlines()[-1]
    )


def test_an_executor_can_be_used_by_hand():
    for executor in (LocalExecutor(workers=1), InThisProcess()):
        executor.start(hill)
        executor.submit(Task(7, {"x": 3, "y": 4}, None))
        (ended,) = executor.collect()
        executor.close()

        assert (ended.number, ended.outcome.metrics, ended.error) == (7, {"score": 0}, "")


@pytest.mark.parametrize(
    ("name", "workers", "said"),
    [
        ("lcoal", None, "executor 'lcoal': expected one of local, here, ray. Did you mean 'local'?"),
        ("local", 0, "workers = 0: expected at least 1"),
    ],
)
def test_an_executor_that_cannot_be_is_refused(name, workers, said):
    with pytest.raises(UsageError, match=said):
        executor_named(name, workers=workers)


@pytest.fixture
def stuck(tmp_path, hearing_ctrl_c):
    """A sweep in a process of its own, after it has told of the six trials that end."""
    (tmp_path / "runs").mkdir()
    process = subprocess.Popen(
        [sys.executable, STUCK, tmp_path / "runs", tmp_path / "store"],
        env=os.environ | {"PYTHONPATH": str(TESTS)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    told = {process.stdout.readline().strip() for _ in range(6)}
    assert told == {f"ended {x}" for x in range(6)}, process.stderr.read()
    yield process
    process.kill()
    process.communicate(timeout=30)


def resumed(tmp_path):
    """The same sweep in this process, no longer stuck: which trials it had to run, and its result."""
    before = set((tmp_path / "runs").iterdir())
    found = sweep(
        Counted(str(tmp_path / "runs")),
        Space.of(x=range(12)),
        objective="score",
        store=tmp_path / "store",
        code="one",
        executor="here",
    )
    return {path.name for path in set((tmp_path / "runs").iterdir()) - before}, found


def test_ctrl_c_ends_a_sweep_cleanly_and_keeps_what_is_done(tmp_path, stuck):
    os.killpg(stuck.pid, signal.SIGINT)
    out, err = stuck.communicate(timeout=30)

    assert (out, err) == ("interrupted=True trials=6 best={'x': 0}\n", "")
    assert stuck.returncode == 0
    ran, found = resumed(tmp_path)
    assert ran == {f"run-{x}-0" for x in range(6, 12)}
    assert found.resumed == 6


def test_a_sweep_that_was_killed_goes_on_with_what_is_missing(tmp_path, stuck):
    stuck.kill()
    # The end of the pipe: its workers had it too, so none of them is left.
    assert stuck.stdout.read() == ""

    ran, found = resumed(tmp_path)

    assert ran == {f"run-{x}-0" for x in range(6, 12)}
    assert found.resumed == 6
    assert [trial.params["x"] for trial in found.trials] == list(range(12))
    assert not found.interrupted
