"""The page of a result: one whole file, honest words, and charts that show what the result holds."""

import re
from dataclasses import replace

import numpy as np
import pytest
from msgspec.structs import replace as changed

from kit.pages import Page
from kit.recordings import PERP, empty_recording, sample_recording
from xtrade.research.metrics import METRICS
from xtrade.research.recording import StrategyRun
from xtrade.research.report import report_html, write_report
from xtrade.research.report.quality import latency
from xtrade.research.report.run import Choice, Run
from xtrade.research.result import Result

# The licence notice of the charts' library, and the name of SVG, which browsers know and nobody fetches.
NAMES_ONLY = {"https://github.com/leeoniya/uPlot", "http://www.w3.org/2000/svg"}


def page_of(recording):
    return Page(report_html(Result.of(recording)))


@pytest.fixture(scope="module")
def result():
    return Result.of(sample_recording())


@pytest.fixture(scope="module")
def page(result):
    return Page(report_html(result))


def test_the_page_is_whole_and_every_link_leads_somewhere(page):
    assert len(page.ids) == len(set(page.ids))
    assert len(page.scripts) == 3
    assert page.links == []
    for link in page.hrefs:
        assert link == "data:," or link.removeprefix("#") in page.ids


def test_nothing_in_the_file_is_fetched_from_anywhere(result):
    text = report_html(result)

    assert set(re.findall(r"https?://[^\s\"'()<>;]+", text)) <= NAMES_ONLY
    assert "default-src 'none'" in text
    assert not re.search(r"@import|url\(|fetch\(|XMLHttpRequest|WebSocket|sendBeacon", text)


def test_what_a_strategy_is_called_stays_text():
    evil = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
    recording = sample_recording()
    recording = replace(
        recording,
        strategies={evil: StrategyRun(params={evil: evil}, failure=evil), "trend": StrategyRun()},
        orders=[changed(row, strategy=evil, reason=f"{evil}: {evil}") for row in recording.orders],
        fills=[changed(row, strategy=evil) for row in recording.fills],
        funding=(),
        assumptions=(evil,),
        data=(evil,),
        config={evil: evil},
    )

    page = page_of(recording)

    assert len(page.scripts) == 3
    assert page.links == []
    assert page.deck["strategies"] == [evil, "trend"]
    assert evil in page.text


def test_the_same_result_gives_the_same_bytes_also_from_its_folder(result, tmp_path):
    folder = result.save(tmp_path / "run")
    written = write_report(result, tmp_path / "report.html").read_bytes()

    assert written == report_html(Result.of(sample_recording())).encode()
    assert written.decode() == report_html(Result.load(folder))


def test_the_curves_show_what_the_result_holds(result, page):
    deck = page.deck
    money = deck["views"]["*|*"]["money"]
    equity = result.equity

    assert money["value"][0] == pytest.approx(equity["equity"][0])
    assert money["value"][-1] == pytest.approx(equity["equity"][-1])
    assert min(money["value"]) == pytest.approx(equity["equity"].min())
    assert min(money["drawdown"]) == pytest.approx(-100 * equity["drawdown"].max(), rel=1e-5)
    at = {time // 1_000_000: value for time, value in equity.select("time_ns", "equity").iter_rows()}
    for offset, value in zip(money["x"], money["value"], strict=True):
        assert value == pytest.approx(at[deck["start"] + offset], abs=1e-4)


def test_the_parts_of_the_profit_add_up_to_it(result, page):
    for view in page.deck["views"].values():
        if "lines" in view["split"]:
            *parts, total = view["split"]["lines"]
            assert np.sum(parts, axis=0) == pytest.approx(np.array(total), abs=1e-4)
    ends = [line[-1] for line in page.deck["views"]["*|*"]["split"]["lines"]]
    figures = [
        result.metrics[name].value for name in ("spread", "inventory", "fees", "funding", "net_profit")
    ]
    figures[2] *= -1
    assert ends == pytest.approx(figures, abs=1e-4)


def test_the_views_of_strategies_add_up_to_the_whole(page):
    views = page.deck["views"]
    assert set(views) == {f"{a}|{b}" for a in "*01" for b in "*01"}

    whole = views["*|*"]["money"]["value"][-1] - 10_000
    by_strategy = [views[f"{place}|*"]["money"]["value"][-1] for place in (0, 1)]
    by_instrument = [views[f"*|{place}"]["money"]["value"][-1] for place in (0, 1)]

    assert sum(by_strategy) == pytest.approx(whole, abs=1e-3)
    assert sum(by_instrument) == pytest.approx(whole, abs=1e-3)


def test_fills_orders_and_mark_outs_are_counted_once_each(result, page):
    deck = page.deck
    view = deck["views"]["*|*"]

    assert sum(len(market["fills"]["x"]) for market in deck["markets"]) == len(result.fills)
    assert sum(row["placed"] for row in view["orders"]["rows"]) == len(result.orders)
    assert all(row["placed"] == sum(row["fates"]) for row in view["orders"]["rows"])
    for seconds, horizon in zip((1, 10, 60), view["markouts"]["horizons"], strict=True):
        assert sum(horizon["counts"]) == result.fills[f"markout_{seconds}s_bps"].count()
        assert horizon["mark"] == pytest.approx(result.metrics[f"markout_{seconds}s_bps"].value, rel=1e-5)
    assert sum(view["latency"]["counts"]) == result.orders["accepted_ns"].count()
    assert deck["lists"]["fills"]["total"] == len(result.fills)
    assert len(deck["lists"]["trips"]["rows"]) == len(result.round_trips)


def test_a_latency_that_never_varies_is_a_sentence_instead_of_one_bar():
    recording = sample_recording()
    orders = [
        row if row.accepted_ns is None else changed(row, accepted_ns=row.decided_ns + 10_000_000)
        for row in recording.orders
    ]

    found = latency(Run.of(Result.of(replace(recording, orders=orders))), Choice())

    assert found["empty"].replace("\u202f", " ") == "Every order was acknowledged 10 ms after its decision."


def test_every_figure_stands_on_the_page_with_its_meaning(result, page):
    text = page.text
    for name, definition in METRICS.items():
        assert definition.means in text
        if result.metrics[name].value is None:
            assert result.metrics[name].why.rstrip(".")[1:] in text


def test_a_long_run_is_thinned_and_says_so():
    recording = sample_recording(hours=30)
    text = report_html(Result.of(recording))
    page = Page(text)

    assert len(text.encode()) < 3_000_000
    assert len(page.deck["views"]["*|*"]["money"]["x"]) < 3_000
    assert re.search(r"of 108 001 samples are drawn", page.text)
    assert len(page.deck["lists"]["fills"]["rows"]) == 1_000 < page.deck["lists"]["fills"]["total"]


def test_a_run_without_trades_has_a_sentence_for_every_chart():
    page = page_of(empty_recording())
    view = page.deck["views"]["*|*"]

    assert "Nothing was traded." in page.text
    for name in ("split", "inventory", "markouts", "orders", "latency"):
        assert view[name]["empty"].endswith(".")
        assert view[name]["empty"] in page.text


def test_one_strategy_on_one_market_has_one_view():
    recording = empty_recording()

    assert set(page_of(recording).deck["views"]) == {"*|*"}
    assert list(recording.instruments) == [PERP.key]
