"""One function tries, remembers, judges; what it says of the best is what a careful reader would."""

import msgspec
import numpy as np
import pytest

from kit.trials import Counted, hill, noise, odd_ones_fail, trial
from xtrade.model.errors import DataError, UsageError
from xtrade.research.sweep.judgement import judged
from xtrade.research.sweep.page import page
from xtrade.research.sweep.progress import Quiet
from xtrade.research.sweep.running import Objective
from xtrade.research.sweep.search import Proposal, Search
from xtrade.research.sweep.space import Space
from xtrade.research.sweep.sweep import sweep
from xtrade.research.sweep.trial import Outcome, Window

SPACE = Space.of(x=range(6), y=range(6))


def swept(evaluate=hill, space=SPACE, **options):
    return sweep(evaluate, space, **{"objective": "score", "executor": "here"} | options)


def runs(folder):
    return sorted(path.name for path in folder.glob("run-*"))


def test_the_best_of_a_grid_is_found():
    found = swept()

    assert found.best_params == {"x": 3, "y": 4}
    assert found.best.metric("score") == 0
    assert len(found.trials) == 36
    assert [trial.number for trial in found.trials] == list(range(36))


def test_a_sweep_is_called_as_one_likes_or_as_its_function():
    assert "<h1>Sweep of hill</h1>" in page(swept())
    assert "<h1>Sweep of my idea</h1>" in page(swept(name="my idea"))


def test_less_can_be_better():
    assert swept(minimise=True).best_params == {"x": 0, "y": 0}


def test_of_equals_the_first_is_the_best():
    found = swept(lambda params, window: Outcome(metrics={"score": 1.0}))

    assert found.best.number == 0


@pytest.mark.parametrize("search", ["random", "optuna"])
def test_a_seed_repeats_a_search_on_two_workers_as_on_none(search):
    found = [
        [trial.params for trial in swept(search=search, trials=12, seed=3, **options).trials]
        for options in ({}, {"executor": "local", "workers": 2})
    ]

    assert found[0] == found[1]
    assert len(found[0]) >= 10


def test_an_objective_that_nobody_has_is_said_with_what_there_is():
    with pytest.raises(UsageError, match="objective 'scroe': .*they have score. Did you mean 'score'?"):
        swept(objective="scroe")


def test_a_window_is_handed_to_the_trial():
    def told(params, window):
        return Outcome(metrics={"score": float(window.end_ns - window.start_ns)})

    assert swept(told, window=Window(start_ns=5, end_ns=12)).best.metric("score") == 7


def test_a_place_that_is_asked_for_twice_is_tried_once_and_counts_once(tmp_path):
    class Insisting(Search):
        total = 4

        def __init__(self):
            self.asked, self.told = 0, []

        def ask(self):
            if self.asked == 4:
                return None
            self.asked += 1
            return Proposal(self.asked - 1, {"x": self.asked % 2})

        def tell(self, proposal, score):
            self.told.append((proposal.number, score))

    search = Insisting()
    found = swept(Counted(str(tmp_path)), Space.of(x=[0, 1]), search=search)

    assert runs(tmp_path) == ["run-0-0", "run-1-0"]
    assert sorted(search.told) == [(0, -1.0), (1, 0.0), (2, -1.0), (3, 0.0)]
    assert found.judgement.trials == 2


def test_a_store_lets_a_wider_space_run_only_what_is_new(tmp_path):
    store, evaluate = tmp_path / "store", Counted(str(tmp_path))
    swept(evaluate, Space.of(x=range(3)), store=store)
    found = swept(evaluate, Space.of(x=range(2, 5)), store=store)

    assert runs(tmp_path) == [f"run-{x}-0" for x in range(5)]
    assert found.resumed == 1
    assert sorted(trial.params["x"] for trial in found.trials) == [0, 1, 2, 3, 4]  # each was a try
    assert found.best_params == {"x": 0}


def test_another_window_is_another_trial(tmp_path):
    store, evaluate = tmp_path / "store", Counted(str(tmp_path))
    swept(evaluate, Space.of(x=[1]), store=store)
    found = swept(evaluate, Space.of(x=[1]), store=store, window=Window(start_ns=0, end_ns=1))

    assert runs(tmp_path) == ["run-1-0", "run-1-1"]
    assert found.resumed == 0
    assert len(found.trials) == 1


def test_what_failed_is_tried_again(tmp_path):
    (tmp_path / "broken").touch()

    def mended(params, window):
        if (tmp_path / "broken").exists():
            raise OSError("no data")
        return Outcome(metrics={"score": 1.0})

    options = {"store": tmp_path / "store", "code": "one", "space": Space.of(x=[1, 2])}
    assert swept(mended, **options).failed == 2
    (tmp_path / "broken").unlink()
    found = swept(mended, **options)

    assert (found.failed, found.resumed) == (0, 0)


def test_a_search_by_optuna_goes_on_as_if_it_had_not_been_stopped(tmp_path):
    whole = swept(search="optuna", trials=20, seed=5)
    swept(search="optuna", trials=8, seed=5, store=tmp_path)
    found = swept(search="optuna", trials=20, seed=5, store=tmp_path)

    assert [trial.params for trial in found.trials] == [trial.params for trial in whole.trials]
    assert found.resumed > 0


def test_a_watcher_hears_every_trial_and_the_best_so_far():
    class Listening(Quiet):
        def __init__(self):
            self.heard = []

        def begins(self, what, total):
            self.heard.append((what, total))

        def ended(self, trial, best):
            self.heard.append((trial.params["x"], best.params["x"]))

        def stops(self):
            self.heard.append("stops")

    watcher = Listening()
    swept(odd_ones_fail, Space.of(x=range(4)), watcher=watcher)

    assert watcher.heard == [("trials", 4), (0, 0), (1, 0), (2, 2), (3, 2), "stops"]


def test_noise_is_not_convincing_and_the_verdict_says_why():
    found = sweep(noise, Space.of(a=range(10), b=range(12)), executor="here")
    judgement = found.judgement

    assert judgement.trials == 120
    assert judgement.independent == pytest.approx(120, abs=6)
    assert judgement.per_year
    assert judgement.sharpe == pytest.approx(found.best.metric("sharpe"))
    assert judgement.probabilistic > 0.95  # alone it would have looked like skill
    assert not judgement.convincing
    assert found.verdict().startswith(
        f"The best of 120 trials has a Sharpe ratio of {judgement.sharpe:.2f} a year; with that many tries one expects"
        f" {judgement.luck:.2f} from luck alone. Deflated Sharpe {judgement.deflated:.2f}: not convincing"
    )


def rows(*returns):
    return [trial(number, {"x": number}, row) for number, row in enumerate(returns)]


def verdict_of(trials, metric="sharpe"):
    return judged(trials, Objective(metric=metric).best_of(trials)).verdict


CHANCE = np.random.default_rng(1)
FLAT, POOR, GOOD = np.zeros(400), CHANCE.normal(-0.001, 0.01, 400), CHANCE.normal(0.004, 0.01, 400)


def test_a_single_trial_was_no_search():
    assert "A single trial, with a Sharpe ratio of" in verdict_of(rows(GOOD))
    assert "nothing is deflated" in verdict_of(rows(GOOD))


def test_skill_is_called_convincing_as_far_as_its_returns_go():
    assert verdict_of(rows(GOOD, POOR)).endswith(": convincing, as far as 400 returns go.")


def test_few_returns_convince_nobody():
    trials = rows(GOOD[:12] + 0.1, POOR[:12])
    judgement = judged(trials, trials[0])

    assert judgement.deflated > 0.95
    assert not judgement.convincing
    assert judgement.verdict.endswith("from only 12 returns: too few for any verdict.")


def test_a_loss_will_not_be_convincing_however_long_it_lasts():
    said = verdict_of(rows(POOR - 0.01, POOR - 0.02))

    assert said.endswith("More of the same returns would not change that.")


def test_without_returns_there_is_no_verdict():
    assert verdict_of([trial(0, {"x": 0}, score=1.0)], "score").startswith(
        "No verdict: the best trial brings no returns that vary"
    )
    assert (
        verdict_of([trial(0, {"x": 0}, error="no")])
        == "No verdict: no trial has the figure that was searched."
    )
    assert verdict_of([]) == "No verdict: nothing was tried."


def test_what_limits_a_judgement_is_said():
    trials = [*rows(GOOD, POOR[:300], FLAT), trial(3, {"x": 3}, error="OSError: no data")]
    remarks = judged(trials, trials[0]).remarks

    assert remarks == (
        "1 of 4 trials failed and are not judged; the first: OSError: no data",
        "1 trials have no returns that vary (did they trade?): they were no chance for luck",
        "returns are of unequal length, so every trial counts as an independent one",
    )


def test_trials_that_are_all_the_same_are_one_try():
    trials = rows(*[GOOD * size for size in range(1, 20)])

    assert judged(trials, trials[0]).independent == pytest.approx(1)
    assert "(alike as they are, they count as 1)" in verdict_of(trials)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"metrics": {"sharpe": float("nan")}}, "metric sharpe = nan: a figure that cannot be had is None"),
        ({"metrics": {}, "returns": [0.1, float("inf")]}, "one row of finite numbers"),
        ({"metrics": {}, "returns": [[0.1], [0.2]]}, "one row of finite numbers"),
        ({"metrics": {}, "step_ns": -1}, "step_ns = -1"),
    ],
)
def test_an_outcome_that_makes_no_sense_is_refused(wrong, said):
    with pytest.raises(DataError, match=said):
        Outcome(**wrong)


def test_a_window_ends_after_its_start():
    with pytest.raises(UsageError, match="expected an end after its start"):
        Window(start_ns=5, end_ns=5)


def test_json_holds_every_trial_with_the_best_first():
    found = sweep(noise, Space.of(a=range(4), b=range(3)), executor="here")
    told = msgspec.json.decode(found.json())

    assert told["best"]["params"] == found.best_params
    assert told["best"] == told["trials"][0]
    assert [row["rank"] for row in told["trials"]] == list(range(1, 13))
    assert told["judgement"]["verdict"] == found.judgement.verdict
    assert told["judgement"]["deflated"] == told["trials"][0]["deflated_sharpe"]
    assert told["objective"] == {"metric": "sharpe", "minimise": False}
    assert (told["interrupted"], told["failed"], told["resumed"]) == (False, 0, 0)
