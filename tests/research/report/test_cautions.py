"""What makes figures less than they seem is said first, and loud."""

from dataclasses import replace

import pytest
from msgspec.structs import replace as changed

from kit.recordings import empty_recording, sample_recording
from xtrade.model.money import Money
from xtrade.research.recording import Unusual
from xtrade.research.report.cautions import cautions
from xtrade.research.report.run import Run
from xtrade.research.result import Result
from xtrade.sim.bars.assumptions import BarAssumptions
from xtrade.sim.replay.models import Assumptions, FillRule


def heads(recording):
    return {caution.head: caution for caution in cautions(Run.of(Result.of(recording)))}


def test_a_strategy_that_failed_comes_first_with_what_it_failed_of():
    first = next(iter(heads(sample_recording(failing=True)).values()))

    assert first.head == "trend failed."
    assert first.grave
    assert "ZeroDivisionError" in first.evidence


def test_a_failure_is_said_once():
    assert [head for head in heads(sample_recording(failing=True)) if "failed" in head] == ["trend failed."]


def test_what_the_data_lacked_is_counted_with_an_example():
    found = heads(sample_recording())

    assert "sequence 118 after 115" in found["Feed gap: 2 times."].evidence
    assert "Crossed book: 1 time." in found


def test_refusals_name_the_rule():
    found = heads(sample_recording())
    by_rules = next(caution for head, caution in found.items() if "risk rules" in head)

    assert by_rules.head == "2 of 492 orders were refused by risk rules."
    assert "max_position (1)" in by_rules.text


def test_no_latency_is_too_kind():
    recording = sample_recording()
    orders = [
        row if row.accepted_ns is None else changed(row, accepted_ns=row.decided_ns)
        for row in recording.orders
    ]

    assert "No latency was assumed." in heads(replace(recording, orders=orders))
    assert "No latency was assumed." not in heads(recording)
    assert "your line" in heads(replace(recording, orders=orders))["No latency was assumed."].text
    bars = replace(recording, orders=orders, assumptions=(BarAssumptions().in_words,))
    assert "slippage_ticks" in heads(bars)["No latency was assumed."].text


@pytest.mark.parametrize(
    ("kind", "careful"),
    [
        (Assumptions(fills=FillRule.COMPLETE), Assumptions()),
        (BarAssumptions(through_ticks=0), BarAssumptions()),
        (BarAssumptions(spread_ticks=0, slippage_ticks=0), BarAssumptions()),
    ],
)
def test_kind_fills_are_named_by_what_the_assumptions_say_of_themselves(kind, careful):
    recording = sample_recording()

    assert "Fills are kinder than a venue." in heads(replace(recording, assumptions=(kind.in_words,)))
    assert "Fills are kinder than a venue." not in heads(replace(recording, assumptions=(careful.in_words,)))


def test_what_the_orders_tell_is_not_counted_again():
    recording = sample_recording()
    counted = {
        "orders refused by the rule max_position": Unusual(2, "25.1 contracts"),
        "orders rejected by the venue: post-only would take": Unusual(10, "order 7"),
    }

    assert not [head for head in heads(replace(recording, unusual=counted)) if "Orders re" in head]
    # A refused amend leaves no refused order behind: then the count is all there is.
    amends = replace(recording, orders=recording.orders[:1], fills=(), unusual=counted, funding=())
    assert "Orders refused by the rule max_position: 2 times." in heads(amends)


def test_few_fills_and_none_are_said():
    recording = sample_recording()
    few = replace(recording, fills=recording.fills[:3], funding=())

    assert "Only 3 fills." in heads(few)
    assert heads(empty_recording())["Nothing was traded."].grave


def test_fees_that_nobody_told_are_not_free_without_a_word():
    recording = sample_recording()
    fills = [changed(row, fill=changed(row.fill, fee=None)) for row in recording.fills]

    assert f"{len(fills)} fills have no fee." in heads(replace(recording, fills=fills))


def test_a_market_without_fees_is_too_kind():
    recording = sample_recording()
    fills = [changed(row, fill=changed(row.fill, fee=Money(0, "USDT"))) for row in recording.fills]

    assert "No fees were assumed." in heads(replace(recording, fills=fills))
    assert "No fees were assumed." not in heads(recording)


def test_what_is_still_held_at_the_end_is_on_paper():
    assert "quoter ended short." in heads(sample_recording())


def test_losing_more_than_the_capital_is_the_end():
    recording = sample_recording()
    poor = replace(recording, capital=type(recording.capital).of(5, "USDT"))

    assert heads(poor)["The capital was lost."].grave
