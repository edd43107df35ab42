"""Results side by side: the best is marked where there is a better, and what is not the same is said aloud."""

from dataclasses import replace
from decimal import Decimal

import msgspec
import pytest

from kit.recordings import empty_recording, sample_recording, worked_recording
from xtrade.model.errors import UsageError
from xtrade.model.money import Money
from xtrade.research.compare import compare
from xtrade.research.fingerprint import Fingerprint
from xtrade.research.recording import StrategyRun
from xtrade.research.result import Result

MADE_OF = Fingerprint(
    xtrade="1", python="3.11", sources={"quoter": "sha256:a", "trend": "sha256:a"}, data="sha256:d"
)


def result(recording, name="", **made_of):
    return Result.of(recording, name=name, fingerprint=msgspec.structs.replace(MADE_OF, **made_of))


def row(comparison, name):
    return next(row for row in comparison.rows if row.name == name)


def test_the_same_run_twice_differs_in_nothing():
    once = result(sample_recording())
    comparison = compare([once, once])

    assert comparison.names == ("quoter + trend (1)", "quoter + trend (2)")
    assert comparison.remarks == ()
    assert comparison.parameters == {}
    assert all(row.best == () for row in comparison.rows)


def test_the_best_is_the_highest_or_the_lowest_as_the_figure_has_it():
    recording = sample_recording()
    small = replace(recording, fills=recording.fills[:60], orders=recording.orders[:200])
    comparison = compare([result(recording, "all"), result(small, "some")])
    fees, profit = row(comparison, "fees"), row(comparison, "net_profit")

    assert comparison.names == ("all", "some")
    assert fees.best == (min((0, 1), key=lambda column: fees.metrics[column].value),)
    assert profit.best == (max((0, 1), key=lambda column: profit.metrics[column].value),)
    assert row(comparison, "fills").best == ()
    assert row(comparison, "fills").figures == ("152", "60")


def test_a_figure_that_one_has_and_the_other_has_not_has_no_best():
    comparison = compare([result(sample_recording()), result(empty_recording())])

    assert row(comparison, "hit_rate").best == ()
    assert row(comparison, "hit_rate").figures[1] == "–"


def test_parameters_that_differ_are_listed_and_others_are_not():
    recording = sample_recording()
    wider = replace(
        recording,
        strategies=recording.strategies
        | {"quoter": StrategyRun(params={"half_spread_bps": 3, "size": Decimal("0.5"), "depth": 2})},
    )

    assert compare([result(recording), result(wider)]).parameters == {
        "quoter.half_spread_bps": ("2", "3"),
        "quoter.skew": ("0.1", "–"),
        "quoter.depth": ("–", "2"),
    }


@pytest.mark.parametrize(
    ("changed", "made_of", "remark"),
    [
        (
            {"capital": Money.of(20_000, "USDT")},
            {},
            "The capital differs: compare returns, not amounts of money.",
        ),
        ({"data": ("other",)}, {}, "The data differ."),
        ({}, {"data": "sha256:e"}, "The data differ."),
        ({"seed": 9}, {}, "The seeds differ."),
        ({}, {"sources": {"quoter": "sha256:b", "trend": "sha256:a"}}, "The code of the strategies differs."),
        ({}, {"xtrade": "2"}, "The versions of xtrade differ."),
        (
            {"assumptions": ("our own trades do not move the market", "every touch fills us whole")},
            {},
            "every touch fills us whole",
        ),
        (
            {"end_ns": sample_recording().end_ns + 1},
            {},
            "The periods differ: the markets may have been kinder to one of them.",
        ),
    ],
)
def test_what_else_differs_is_said(changed, made_of, remark):
    recording = sample_recording()
    comparison = compare([result(recording), result(replace(recording, **changed), **made_of)])

    assert len(comparison.remarks) == 1
    assert remark in comparison.remarks[0]


def test_amounts_in_different_currencies_have_no_best():
    by_hand = worked_recording()
    (market,) = by_hand.instruments.values()
    in_coins = replace(by_hand, capital=Money.of(10, market[0].base))
    comparison = compare([result(each, sources={"hand": "sha256:a"}) for each in (by_hand, in_coins)])

    assert comparison.remarks == ("The report currencies differ: amounts of money are not comparable.",)
    assert row(comparison, "net_profit").best == ()
    assert row(comparison, "return").best != ()


def test_a_failed_strategy_is_said():
    comparison = compare([result(sample_recording()), result(sample_recording(failing=True))])

    assert comparison.remarks == (
        "In result 2, trend failed: ZeroDivisionError: division by zero (trend.py, line 41, in on_bar)",
    )


def test_data_that_nobody_took_a_fingerprint_of_may_differ():
    once = result(sample_recording(), data="")

    assert compare([once, once]).remarks == (
        "Whether the data are the same is not known: a result has no fingerprint of them.",
    )


def test_code_that_stands_in_no_file_may_differ():
    once = result(sample_recording(), sources={"quoter": "sha256:a"})

    assert compare([once, once]).remarks == (
        "Whether the code is the same is not known: a strategy stands in no file.",
    )


def test_one_result_is_no_comparison():
    with pytest.raises(UsageError, match="needs two results or more"):
        compare([result(empty_recording())])
