"""Fields, curve and hash answer what whole numbers of Python and the reference's vectors say, compiled or not."""

import itertools
import os
import subprocess
import sys
from pathlib import Path

import pytest

from venues.lighter.arithmetic_of_a_grid import EDGES, ELEMENTS, P, elements, numbers, permuted, points
from xtrade.venues.lighter.signing.poseidon import digest


def split(text):
    raw = bytes.fromhex(text)
    return [int.from_bytes(raw[start : start + 8], "little") for start in range(0, len(raw), 8)]


def product(a, b):
    """Multiply in the plainest way: z^5 = 3."""
    result = [0] * 5
    for (i, left), (j, right) in itertools.product(enumerate(a), enumerate(b)):
        result[(i + j) % 5] += left * right * (3 if i + j >= 5 else 1)
    return [number % P for number in result]


def test_numbers_below_p_are_those_of_whole_numbers():
    pairs = list(itertools.product(EDGES, EDGES))

    assert numbers(pairs) == [[(a + b) % P, (a - b) % P, a * b % P] for a, b in pairs]


@pytest.mark.parametrize(("a", "b"), list(itertools.product(ELEMENTS, ELEMENTS)))
def test_elements_of_the_field(a, b):
    total, difference, times, inverse, half, root, (square, _, *_) = elements(a, b)

    assert total == [(left + right) % P for left, right in zip(a, b, strict=True)]
    assert difference == [(left - right) % P for left, right in zip(a, b, strict=True)]
    assert times == product(a, b)
    assert product(inverse, a) == ([1, 0, 0, 0, 0] if any(a) else [0] * 5)
    assert [2 * number % P for number in half] == a
    assert root in (a, [-number % P for number in a])
    assert square


def test_half_of_the_elements_are_squares():
    """7 is no square of this field, so of x and 7 x one is."""
    for a in ELEMENTS[1:]:
        sevenfold = product(a, [7, 0, 0, 0, 0])
        assert elements(a, a)[6][1] != elements(sevenfold, a)[6][1]


def test_the_reference_fields(recorded):
    rows = recorded("signing_field_goldilocks_vectors.json")["vectors"]
    answers = numbers([(split(row["a"])[0], split(row["b"])[0]) for row in rows])
    assert answers == [[split(row[name])[0] for name in ("add", "sub", "mul")] for row in rows]

    for row in recorded("signing_field_quintic_vectors.json")["vectors"]:
        a, b = split(row["a"]), split(row["b"])
        assert elements(a, b)[:4] == [split(row[name]) for name in ("add", "sub", "mul", "inv_a")]


def test_the_reference_curve(recorded):
    vectors = recorded("signing_curve_ecgfp5_vectors.json")["vectors"]

    for row in vectors["decode"]:
        answers = points(split(row["w"]), [0] * 5)
        assert (answers is not None) == row["decodes"]
        assert answers is None or answers[0] == split(row["encoded_back"])
    for row in vectors["add"]:
        _, total, double = points(split(row["a_w"]), split(row["b_w"]))
        assert total == split(row["sum_w"])
        assert double == split(row["a_double_w"])


def test_the_reference_hash(recorded):
    vectors = recorded("signing_hash_poseidon2_vectors.json")["vectors"]

    for row in vectors["permute"]:
        assert permuted(split(row["input"])) == split(row["output"])
    for row in vectors["sponge"]:
        if row["num_outputs"] > 8:  # more than one stirring gives: nothing here asks for that
            continue
        assert digest(split(row["input"]), row["num_outputs"]) == tuple(split(row["output"]))
    for row in vectors["hash_to_quintic"]:
        assert digest(split(row["input"])) == tuple(split(row["output"]))


def test_plain_python_answers_what_compiled_code_does():
    """For debuggers and coverage; warnings are errors, because numpy's would be of numbers that left their 64 bits."""
    program = "from venues.lighter.arithmetic_of_a_grid import main; main()"

    def answer(**environment):
        ran = subprocess.run(
            [sys.executable, "-W", "error", "-c", program],
            cwd=Path(__file__).parents[2],
            env=os.environ | environment,
            capture_output=True,
            check=True,
            timeout=300,
        )
        return ran.stdout

    compiled = answer()
    assert compiled.count(b"\n") > 250
    assert answer(NUMBA_DISABLE_JIT="1") == compiled
