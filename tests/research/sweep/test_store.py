"""What is in the file is what was tried: after a crash at any byte, and never of another sweep."""

from decimal import Decimal
from functools import partial

import numpy as np
import pytest
from hypothesis import given, strategies as st

from kit.trials import Counted, hill, noise, trial
from xtrade.model.errors import DataError, UsageError
from xtrade.research.sweep.space import Between, Space
from xtrade.research.sweep.store import Identity, Store, key_of
from xtrade.research.sweep.trial import Outcome, Trial, Window

SPACE = Space.of(x=range(100), d=[Decimal("0.1"), Decimal("0.2")], w=["a", "b"], f=Between(0.0, 1.0))
IDENTITY = Identity(evaluate="desk.run", code="c1", data="d1", parameters=("d", "f", "w", "x"))

FINITE = st.floats(allow_nan=False, allow_infinity=False)
WINDOWS = st.none() | st.builds(
    lambda start, length: Window(start_ns=start, end_ns=start + length),
    st.integers(0, 2**62),
    st.integers(1, 2**60),
)
PARAMS = st.fixed_dictionaries(
    {
        "x": st.integers(0, 99),
        "d": st.sampled_from([Decimal("0.1"), Decimal("0.2")]),
        "w": st.sampled_from("ab"),
        "f": st.floats(0, 1),
    }
)
OUTCOMES = st.builds(
    Outcome,
    metrics=st.dictionaries(st.text(max_size=5), st.none() | FINITE, max_size=3),
    returns=st.lists(FINITE, max_size=5).map(np.array),
    step_ns=st.integers(0, 2**62),
)
TRIALS = st.builds(
    lambda params, window, outcome, error: Trial(
        number=0, params=params, window=window, outcome=None if error else outcome, error=error, worker="7"
    ),
    PARAMS,
    WINDOWS,
    OUTCOMES,
    st.just("") | st.text(min_size=1, max_size=9),
)


def told(trial):
    """A trial as plain values, which can be compared."""
    outcome = trial.outcome
    found = None if outcome is None else (dict(outcome.metrics), outcome.returns.tobytes(), outcome.step_ns)
    return trial.params, trial.window, found, trial.error, trial.worker


def opened(folder, identity=IDENTITY, space=SPACE):
    return Store(folder, identity, space)


def known(folder):
    with opened(folder) as store:
        return {key: told(trial) for key, trial in store.trials.items()}, store.remarks


@given(st.lists(TRIALS, max_size=5))
def test_what_was_kept_is_known_again_to_the_bit(tmp_path_factory, trials):
    folder = tmp_path_factory.mktemp("store")
    with opened(folder) as store:
        for each in trials:
            store.keep(each)

    found, remarks = known(folder)

    assert found == {key_of(IDENTITY, each.params, each.window): told(each) for each in trials}
    assert not remarks


@given(st.lists(TRIALS, min_size=1, max_size=3), st.data())
def test_a_crash_at_any_byte_loses_at_most_the_line_it_tore(tmp_path_factory, trials, data):
    folder = tmp_path_factory.mktemp("store")
    with opened(folder) as store:
        for each in trials:
            store.keep(each)
    path = folder / "trials.jsonl"
    content = path.read_bytes()
    torn_at = data.draw(st.integers(0, len(content)))
    path.write_bytes(content[:torn_at])
    whole = max(content[:torn_at].count(b"\n") - 1, 0)

    found, remarks = known(folder)

    assert found == {key_of(IDENTITY, each.params, each.window): told(each) for each in trials[:whole]}
    assert bool(remarks) == (torn_at > 0 and content[torn_at - 1 : torn_at] != b"\n")
    with opened(folder) as store:  # and it goes on as if nothing had been
        assert not store.remarks
        store.keep(trials[-1])
    assert told(trials[-1]) in known(folder)[0].values()


def test_a_torn_line_is_said(tmp_path):
    with opened(tmp_path) as store:
        store.keep(trial(0, {"x": 1, "d": Decimal("0.1"), "w": "a", "f": 0.5}, score=1.0))
    path = tmp_path / "trials.jsonl"
    path.write_bytes(path.read_bytes()[:-9])

    with opened(tmp_path) as store:
        assert store.remarks[0].startswith("trials.jsonl: the last line (")
        assert store.remarks[0].endswith("was torn by a crash and is dropped; its trial runs again")
        assert not store.trials


def test_damage_in_the_middle_is_no_crash_of_ours_and_is_an_error(tmp_path):
    with opened(tmp_path) as store:
        for x in range(3):
            store.keep(trial(0, {"x": x, "d": Decimal("0.1"), "w": "a", "f": 0.5}, score=1.0))
    path = tmp_path / "trials.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], b"{}\n", *lines[3:]]))

    with pytest.raises(DataError, match=r"trials\.jsonl, line 3: .*damaged"):
        opened(tmp_path)


@pytest.mark.parametrize("content", [b"something of mine\n", b"something of mine", b'{"a": 1}\n', b"\n"])
def test_a_file_that_is_not_ours_is_left_alone(tmp_path, content):
    path = tmp_path / "trials.jsonl"
    path.write_bytes(content)

    with pytest.raises(DataError, match="not written by a sweep"):
        opened(tmp_path)
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"code": "c2"}, "code was c1, is c2"),
        ({"data": ""}, "data was d1, is not said"),
        ({"evaluate": "desk.other"}, "evaluate was desk.run, is desk.other"),
    ],
)
def test_the_folder_of_another_sweep_is_refused(tmp_path, change, said):
    opened(tmp_path).close()
    now = Identity(
        **{"evaluate": "desk.run", "code": "c1", "data": "d1", "parameters": ("d", "f", "w", "x")} | change
    )

    with pytest.raises(UsageError, match=said):
        opened(tmp_path, now)


def test_one_sweep_at_a_time_writes_to_a_folder(tmp_path):
    with opened(tmp_path), pytest.raises(UsageError, match="another sweep is writing there"):
        opened(tmp_path)
    opened(tmp_path).close()


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(UsageError, match="cannot be a sweep's folder"):
        opened(tmp_path / "file")


def test_the_code_of_a_function_is_its_file_and_what_it_is_bound_to(tmp_path):
    space = Space.of(x=range(3))
    codes = {
        Identity.of(evaluate, space).code
        for evaluate in (hill, noise, Counted("a"), Counted("b"), partial(hill, window=None))
    }

    assert len(codes) == 5
    assert Identity.of(Counted("a"), space) == Identity.of(Counted("a"), space)
    assert Identity.of(hill, space).evaluate == "kit.trials.hill"


def test_code_that_cannot_be_told_apart_wants_a_name():
    space = Space.of(x=range(3))

    with pytest.raises(UsageError, match="or say code="):
        Identity.of(lambda params, window: hill(params | {"y": 4}, window), space)
    assert (
        Identity.of(lambda params, window: hill(params | {"y": 4}, window), space, code="mine").code == "mine"
    )
