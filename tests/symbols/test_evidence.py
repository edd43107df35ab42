"""The number that says how sure a reading is."""

from itertools import combinations

from xtrade.symbols.evidence import CERTAIN, EVIDENCE, PATTERN_BEST, confidence

NAMES = [evidence.name for evidence in EVIDENCE]
ALL_SETS = [set(names) for size in range(len(NAMES) + 1) for names in combinations(NAMES, size)]


def test_more_evidence_never_lowers_the_confidence():
    for found in ALL_SETS:
        for name in NAMES:
            assert confidence(found | {name}) >= confidence(found)


def test_a_pattern_is_never_certain_and_never_worthless():
    assert confidence(NAMES) == PATTERN_BEST < CERTAIN == 1.0
    assert all(0 < confidence(found) <= PATTERN_BEST for found in ALL_SETS)


def test_what_is_missing_multiplies():
    assert confidence(set(NAMES) - {"one kind"}) == 0.495
    assert confidence(set(NAMES) - {"quote listed", "base known"}) == 0.6237
