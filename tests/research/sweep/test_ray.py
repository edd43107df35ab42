"""The same sweep on a real Ray of this machine; skipped, by name, where Ray is not installed."""

import os

import pytest

from kit.trials import AfterWarmUp, Dying, WarmUp, hill, odd_ones_fail, who
from xtrade.model.errors import UsageError
from xtrade.research.sweep.executor import Task
from xtrade.research.sweep.ray_cluster import RayExecutor
from xtrade.research.sweep.space import Space
from xtrade.research.sweep.sweep import sweep

ray = pytest.importorskip("ray", reason="ray is in an environment of its own: see .ci/run")


@pytest.fixture(scope="module", autouse=True)
def cluster():
    """One Ray for all tests here, started as a sweep starts it, since that takes seconds."""
    executor = RayExecutor(workers=2)
    executor.start(hill)
    yield
    executor.close()
    assert not ray.is_initialized()


def swept(evaluate, count, **options):
    return sweep(evaluate, Space.of(x=range(count)), objective="score", executor="ray", **options)


def test_trials_run_in_processes_of_ray():
    found = swept(who, 6)
    processes = {trial.metric("score") for trial in found.trials}

    assert os.getpid() not in processes
    assert {trial.worker for trial in found.trials} == {str(int(process)) for process in processes}


def test_ray_finds_what_this_process_finds():
    space = Space.of(x=range(6), y=range(6), where=["x + y < 9"])
    near, far = (sweep(hill, space, objective="score", executor=where) for where in ("here", "ray"))

    assert [(t.params, t.metric("score")) for t in far.trials] == [
        (t.params, t.metric("score")) for t in near.trials
    ]


def test_a_function_that_is_nowhere_in_a_file_can_travel():
    found = swept(lambda params, window: hill({"y": 4} | params, window), 6)

    assert found.best_params == {"x": 3}


def test_a_trial_that_raises_is_an_outcome_with_its_error():
    found = swept(odd_ones_fail, 3)

    assert [trial.metric("score") for trial in found.trials] == [0, None, 2]
    assert found.trials[1].error.startswith("ValueError: no sense in x = 1")


def test_a_worker_that_dies_is_replaced_and_its_trial_runs_again_once(tmp_path):
    found = swept(Dying(str(tmp_path), once={0}, always={2}), 3)

    assert [trial.metric("score") for trial in found.trials] == [0, 1, None]
    assert found.trials[2].error.startswith("Ray: ")


def test_kernels_are_compiled_before_the_first_trial(tmp_path):
    found = swept(AfterWarmUp(str(tmp_path)), 3, warm_up=WarmUp(str(tmp_path)))

    assert {trial.metric("score") for trial in found.trials} == {1}


def test_a_warm_up_that_fails_stops_the_sweep_before_it_begins(tmp_path):
    (tmp_path / "warm-already").touch()

    with pytest.raises(UsageError, match="a worker of Ray cannot run the warm-up: .*AssertionError"):
        swept(hill, 2, warm_up=WarmUp(str(tmp_path)))


def test_a_cluster_that_was_joined_before_is_left_running():
    executor = RayExecutor()
    executor.start(hill)
    executor.submit(Task(0, {"x": 3, "y": 4}, None))
    assert executor.workers == 2
    executor.close()

    assert ray.is_initialized()
