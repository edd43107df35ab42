"""Print what the fields and the curve answer on a grid of numbers: compiled, or plain under NUMBA_DISABLE_JIT=1."""

import itertools
import sys

import numpy as np

from xtrade.venues.lighter.signing import curve, goldilocks, poseidon, quintic, schnorr
from xtrade.venues.lighter.signing.compiled import kernel

P = 2**64 - 2**32 + 1
EDGES = [0, 1, 2, 2**31, 2**32 - 1, 2**32, 2**32 + 1, 2**63 - 1, 2**63, P - 2**32, P - 2, P - 1]
EDGES += [(7**exponent) % P for exponent in (40, 99, 1000, 12345)]
ELEMENTS = [[0] * 5, [1, 0, 0, 0, 0], [P - 1] * 5, [2**32] * 5, [0, 0, 0, 0, P - 1], [0, 263, 0, 0, 0]]
ELEMENTS += [[pow(7, exponent * 7919 + place * 31, P) for place in range(5)] for exponent in range(1, 7)]


@kernel
def of_numbers(a, b, answers):
    for row in range(len(a)):
        answers[row, 0] = goldilocks.add(a[row], b[row])
        answers[row, 1] = goldilocks.subtract(a[row], b[row])
        answers[row, 2] = goldilocks.multiply(a[row], b[row])


@kernel
def of_elements(given, answers):
    a = (given[0, 0], given[0, 1], given[0, 2], given[0, 3], given[0, 4])
    b = (given[1, 0], given[1, 1], given[1, 2], given[1, 3], given[1, 4])
    rows = (
        quintic.add(a, b),
        quintic.subtract(a, b),
        quintic.multiply(a, b),
        quintic.inverse(a),
        quintic.half(a),
        quintic.square_root(quintic.multiply(a, a)),
    )
    for row in range(6):
        for place in range(5):
            answers[row, place] = rows[row][place]
    answers[6, 0] = np.uint64(quintic.is_square(quintic.multiply(a, a)))
    answers[6, 1] = np.uint64(quintic.is_square(a))


@kernel
def of_points(written, answers):
    """Add two points, and double the first."""
    a = (written[0, 0], written[0, 1], written[0, 2], written[0, 3], written[0, 4])
    b = (written[1, 0], written[1, 1], written[1, 2], written[1, 3], written[1, 4])
    a_known, one = curve._decode(a)
    b_known, two = curve._decode(b)
    rows = (curve._encode(one), curve._encode(curve._add(one, two)), curve._encode(curve._add(one, one)))
    for row in range(3):
        for place in range(5):
            answers[row, place] = rows[row][place]
    return a_known and b_known


@kernel
def stir(state):
    poseidon._permute(state)


def numbers(pairs):
    answers = np.zeros((len(pairs), 3), np.uint64)
    of_numbers(*(np.array(column, np.uint64) for column in zip(*pairs, strict=True)), answers)
    return answers.tolist()


def elements(a, b):
    answers = np.zeros((7, 5), np.uint64)
    of_elements(np.array([a, b], np.uint64), answers)
    return answers.tolist()


def points(a, b):
    answers = np.zeros((3, 5), np.uint64)
    known = of_points(np.array([a, b], np.uint64), answers)
    return answers.tolist() if known else None


def permuted(state):
    words = np.array(state, np.uint64)
    stir(words)
    return words.tolist()


def lines():
    pairs = list(itertools.product(EDGES, EDGES))
    yield from zip(pairs, numbers(pairs), strict=True)
    yield from (elements(a, b) for a, b in itertools.pairwise(ELEMENTS))
    yield points([4, 0, 0, 0, 0], [4, 0, 0, 0, 0]), points([1, 0, 0, 0, 0], [2, 0, 0, 0, 0])
    yield permuted(EDGES[:12])
    secret = schnorr.secret_number("01" * 40)
    message = poseidon.digest(range(17))
    public, signature = schnorr.public_key(secret), schnorr.sign(secret, message)
    yield public.hex(), signature.hex(), schnorr.verify(public, message, signature)


def main():
    sys.stdout.writelines(f"{line}\n" for line in lines())
