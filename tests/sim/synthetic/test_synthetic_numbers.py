"""Numbers that are the same everywhere: arithmetic, streams by name, compiled or not."""

import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st

from xtrade.sim.synthetic.arithmetic import exp_each, exp_of, log_each, log_of
from xtrade.sim.synthetic.draws import Uniforms, draws

PRINTED = Path(__file__).parent / "print_a_seed.py"
DIGEST = "271c194327d70a59102414a11d2a06a79f78cf9ba7d44221e3bd5148dc728747"


@given(st.floats(-300, 300))
def test_the_exponential_is_right_to_the_last_places(x):
    assert math.isclose(exp_of(x), math.exp(x), rel_tol=1e-15)


@given(st.floats(1e-300, 1e300))
def test_the_logarithm_is_right_to_the_last_places(x):
    assert math.isclose(log_of(x), math.log(x), rel_tol=4e-16, abs_tol=1e-15)


def test_arrays_are_done_value_by_value():
    values = np.linspace(-5, 5, 11)
    there = values.copy()
    exp_each(there)
    assert there.tolist() == [exp_of(x) for x in values]
    log_each(there)
    assert np.allclose(there, values, atol=1e-14)


def test_each_purpose_has_a_stream_of_its_own():
    assert draws(1, "jumps/BTC").random() == draws(1, "jumps/BTC").random()
    assert len({draws(seed, what).random() for seed in (1, 2) for what in ("jumps/BTC", "jumps/ETH")}) == 4


def test_a_kernel_takes_a_stream_in_order_whatever_is_left_at_a_refill():
    taken = []
    uniforms = Uniforms(draws(1, "x"))
    for left in (3, 0, 70_000, 5):
        uniforms.refill()
        until = len(uniforms.values) - left if left < len(uniforms.values) else 1
        taken += uniforms.values[:until].tolist()
        uniforms.cursor[0] = until

    assert taken == (1 - draws(1, "x").random(len(taken))).tolist()
    assert min(taken) > 0


@pytest.mark.parametrize("uncompiled", [False, True])
def test_a_seed_makes_the_same_on_every_machine(uncompiled):
    """
    The digest was printed by another process on another day. A new numpy may draw other numbers: then it changes.
    """
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1"} if uncompiled else dict(os.environ)
    ran = subprocess.run(
        [sys.executable, str(PRINTED)], env=environment, capture_output=True, text=True, check=False
    )

    assert (ran.stdout, ran.stderr) == (DIGEST, "")
