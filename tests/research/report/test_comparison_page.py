"""Several results on one page: the same curves and figures as each has alone, and what differs said aloud."""

from dataclasses import replace

import pytest
from msgspec.structs import replace as changed

from kit.pages import Page
from kit.recordings import sample_recording
from xtrade.model.errors import UsageError
from xtrade.research.report import compare_html, write_comparison
from xtrade.research.result import Result


@pytest.fixture(scope="module")
def results():
    recording = sample_recording()
    quoter = recording.strategies["quoter"]
    wider = replace(
        recording,
        strategies=recording.strategies
        | {"quoter": changed(quoter, params=quoter.params | {"half_spread_bps": 3})},
        fills=recording.fills[:100],
    )
    return [Result.of(recording, name="narrow"), Result.of(wider, name="wide <b>")]


def test_curves_end_where_each_result_ended(results):
    deck = Page(compare_html(results)).deck

    assert deck["names"] == ["narrow", "wide <b>"]
    for line, result in zip(deck["returns"], results, strict=True):
        assert line[-1] == pytest.approx(100 * result.metrics["return"].value, abs=1e-5)
        assert len(line) == len(deck["x"])


def test_what_was_changed_and_the_best_are_marked(results):
    text = compare_html(results)

    assert "quoter.half_spread_bps" in text
    assert "quoter.size" not in text
    assert "wide &lt;b&gt;" in text
    assert text.count('class="best"') >= 1


def test_periods_that_differ_leave_gaps_and_a_remark(results):
    other = Result.of(sample_recording(2, hours=2), name="longer")
    page = Page(compare_html([results[0], other]))

    assert page.deck["returns"][0][-1] is None
    assert page.deck["returns"][1][-1] is not None
    assert "The periods differ" in page.text


def test_one_result_is_no_comparison(results, tmp_path):
    with pytest.raises(UsageError, match="two results"):
        write_comparison(results[:1], tmp_path / "comparison.html")
