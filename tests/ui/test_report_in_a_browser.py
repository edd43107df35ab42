"""The report in a real browser: it draws, it answers, it fetches nothing, and it fits a phone."""

import pytest

from kit.browser import CHROMIUM, opened
from kit.recordings import empty_recording, sample_recording
from xtrade.research.report import write_comparison, write_report
from xtrade.research.result import Result

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the PATH")

# How many pixels of each chart carry ink.
INK = """
const inked = () => [...document.querySelectorAll(".uplot canvas")].map((canvas) => {
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  let ink = 0;
  for (let i = 3; i < pixels.length; i += 4) if (pixels[i]) ink++;
  return ink;
});
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    return write_report(Result.of(sample_recording()), tmp_path_factory.mktemp("page") / "report.html")


def test_the_page_runs_under_its_own_rules_without_a_word_on_the_console(report):
    seen = opened(report)

    assert 'data-drawn="yes"' in seen.dom
    assert seen.console == []
    assert seen.dom.count("<canvas") >= 7  # equity, drawdown, split, price, three inventories


def test_every_chart_is_drawn_in_both_themes_and_nothing_fails(report):
    probe = """
      const light = inked();
      document.getElementById("theme").click();
      await new Promise((done) => setTimeout(done, 50));
      return { light, dark: inked(), theme: document.documentElement.dataset.theme,
        bars: document.querySelectorAll("svg.bars rect").length,
        failed: document.documentElement.dataset.failed ?? null,
        requests: performance.getEntriesByType("resource").map((entry) => entry.name) };
    """

    found = opened(report, query="?theme=light", probe=INK + probe).found

    assert len(found["light"]) >= 7
    assert all(ink > 2_000 for ink in [*found["light"], *found["dark"]])
    assert found["theme"] == "dark"
    assert found["bars"] > 30
    assert found["failed"] is None
    assert [name for name in found["requests"] if not name.startswith("data:")] == []


def test_a_choice_changes_what_every_part_shows(report):
    probe = """
      const say = (id) => document.getElementById(`${id}-summary`).textContent;
      const says = () => ["money", "orders", "latency"].map(say);
      const rows = () => [...document.querySelectorAll("#fills-table tbody tr")].map((row) => row.cells[1].textContent);
      const all = says();
      const choice = document.getElementById("strategy");
      choice.value = "1";
      choice.dispatchEvent(new Event("change"));
      return { all, one: says(), rows: [...new Set(rows())], count: rows().length };
    """

    found = opened(report, probe=probe).found

    assert found["all"][0].startswith("Equity went from")
    assert found["one"][0].startswith("Profit came to")
    assert all(one != every for one, every in zip(found["one"], found["all"], strict=True))
    assert found["rows"] == ["trend"]
    assert found["count"] == len(Result.of(sample_recording()).fills.rows_by_key("strategy")["trend"])


def test_the_keys_zoom_all_charts_together_and_back(report):
    probe = """
      const chart = document.getElementById("money-chart");
      const stretch = () => timeCharts.drawn.map(({ plot }) => plot.scales.x.max - plot.scales.x.min);
      const press = (key) => chart.dispatchEvent(new KeyboardEvent("keydown", { key, cancelable: true }));
      const whole = stretch();
      press("+");
      press("+");
      await new Promise((done) => setTimeout(done, 50));
      const near = stretch();
      press("ArrowRight");
      const spoken = document.getElementById("spoken").textContent;
      press("0");
      await new Promise((done) => setTimeout(done, 50));
      return { whole, near, spoken, back: stretch(), focusable: chart.tabIndex };
    """

    found = opened(report, probe=probe).found

    assert set(found["whole"]) == {3_600_000}
    assert set(found["near"]) == {900_000}
    assert found["back"] == found["whole"]
    assert "Equity" in found["spoken"]
    assert found["focusable"] == 0


def test_tables_are_sorted_and_filtered(report):
    probe = """
      const rows = () => [...document.querySelectorAll("#fills-table tbody tr")];
      const cells = (column) => rows().map((row) => row.cells[column].textContent);
      const search = document.querySelector("#fills-table input");
      search.value = "sell taker";
      search.dispatchEvent(new Event("input"));
      const roles = [...new Set(cells(3))].concat([...new Set(cells(4))]);
      search.value = "";
      search.dispatchEvent(new Event("input"));
      const head = document.querySelectorAll("#fills-table th")[5];
      head.querySelector("button").click();
      return { roles, prices: cells(5), sorted: head.getAttribute("aria-sort") };
    """

    found = opened(report, probe=probe).found
    prices = [float(price.replace("\u202f", "")) for price in found["prices"]]

    assert found["roles"] == ["sell", "taker"]
    assert found["sorted"] == "descending"
    assert prices == sorted(prices, reverse=True)


def test_nothing_is_wider_than_a_phone(report):
    probe = "return { page: document.documentElement.scrollWidth, window: innerWidth };"

    found = opened(report, width=390, probe=probe).found

    assert found["page"] <= found["window"]


def test_a_run_without_trades_says_so_instead_of_drawing(tmp_path):
    page = write_report(Result.of(empty_recording()), tmp_path / "report.html")
    probe = "return [...document.querySelectorAll('.empty')].map((place) => place.textContent);"

    seen = opened(page, probe=probe)

    assert seen.console == []
    assert "No fills." in seen.found
    assert "Nothing was held at any time." in seen.found
    assert all(sentence.endswith(".") for sentence in seen.found)


def test_a_comparison_draws_its_curves(tmp_path):
    results = [Result.of(sample_recording(seed), name=f"seed {seed}") for seed in (1, 2)]
    page = write_comparison(results, tmp_path / "comparison.html")

    seen = opened(page, probe=INK + "return inked();")

    assert seen.console == []
    assert len(seen.found) == 2
    assert all(ink > 2_000 for ink in seen.found)
