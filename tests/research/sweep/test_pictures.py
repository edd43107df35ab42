"""Tables, maps and pages show what was found: every figure, the best marked, and what was done with the rest."""

import re
from html.parser import HTMLParser
from io import StringIO

import numpy as np
import pytest
from rich.console import Console

from kit.trials import hill, noise, odd_ones_fail, trial
from xtrade.model.errors import DataError, UsageError
from xtrade.research.sweep.heat_map import HeatMap
from xtrade.research.sweep.neighbours import stability
from xtrade.research.sweep.pictures import equity_svg, map_svg
from xtrade.research.sweep.progress import AtTerminal, Quiet, watcher_for_here
from xtrade.research.sweep.running import Objective
from xtrade.research.sweep.space import Between, Space
from xtrade.research.sweep.sweep import sweep

SCORE = Objective(metric="score")


def printed(drawn, *, width=100, colour=False):
    console = Console(
        file=StringIO(),
        width=width,
        force_terminal=colour,
        color_system="truecolor" if colour else None,
        no_color=not colour,  # Whatever NO_COLOR says where this runs.
    )
    console.print(drawn)
    return console.file.getvalue()


def lines(drawn, **options):
    return [line.rstrip() for line in printed(drawn, **options).splitlines() if line.strip()]


@pytest.fixture(scope="module")
def hills():
    return sweep(
        lambda params, window: hill(params, window),  # noqa: PLW0108  (its name is what the page shows)
        Space.of(x=range(6), y=range(6), where=["x + y < 9"]),
        objective="score",
        executor="here",
    )


@pytest.fixture(scope="module")
def noisy():
    return sweep(noise, Space.of(a=range(8), b=range(8), c=[0.5, 1]), executor="here")


def test_the_table_has_the_best_first_and_says_how_many_there_were(noisy):
    shown = lines(noisy.table(rows=3), width=140)

    assert shown[0] == "128 trials by sharpe, the highest first, 125 more not shown"
    assert shown[1].split() == ["#", "a", "b", "c", "sharpe", "total", "deflated"]
    best = noisy.best
    assert shown[3].split()[:5] == [
        "1", *(f"{best.params[name]:g}" for name in "abc"), f"{best.metric('sharpe'):.4g}",
    ]  # fmt: skip
    assert shown[3].split()[-1] == f"{noisy.judgement.deflated:.2f}"
    assert " ".join(shown[6:]) == noisy.judgement.verdict


def test_trials_that_failed_are_last_and_say_so():
    found = sweep(odd_ones_fail, Space.of(x=range(4)), objective="score", minimise=True, executor="here")

    rows = [line.split() for line in lines(found.table())[3:7]]
    assert rows == [["1", "0", "0", "-"], ["2", "2", "2", "-"], ["3", "1", "failed"], ["4", "3", "failed"]]


def test_the_map_has_a_figure_for_each_pair_and_the_highest_row_on_top(hills):
    shown = lines(hills.drawn_map())

    assert shown[0].split() == ["y"]
    assert shown[1].split() == ["5", "-10", "-5", "-2", "-1"]
    assert shown[6].split() == ["0", "-25", "-20", "-17", "-16", "-17", "-20"]
    assert shown[7].split() == ["0", "1", "2", "3", "4", "5", "x"]
    assert shown[8] == "score by x (across) and y (up)"


def test_the_map_shades_what_it_has_no_room_to_write(hills):
    shown = lines(hills.drawn_map(24))

    assert not re.search(r"-\d", "".join(shown))
    assert "█" in shown[2]
    assert "·" in shown[6]


def test_the_best_cell_is_marked_and_brightest(hills):
    coloured = printed(hills.drawn_map(), colour=True)

    marked = re.findall(r"\x1b\[([\d;]*)m\s+(-?\d+)\s+\x1b", coloured)
    underlined = [figure for style, figure in marked if style.startswith("1;4;")]
    assert underlined == ["0"]


def test_a_cell_is_the_best_over_the_other_parameters_or_with_them_fixed(noisy):
    over = noisy.heat_map("a", "b")
    half = noisy.heat_map("a", "b", fixed={"c": 0.5})
    figures = {(t.params["a"], t.params["b"], t.params["c"]): t.metric("sharpe") for t in noisy.trials}

    assert over.cells[2][3].figure == max(figures[3, 2, 0.5], figures[3, 2, 1])
    assert over.cells[2][3].trials == 2
    assert half.cells[2][3].figure == figures[3, 2, 0.5]
    assert over.caption == "sharpe by a (across) and b (up); each cell is the best over c"
    assert half.caption == "sharpe by a (across) and b (up); with c=0.5"


def test_ranges_are_laid_out_in_bins_and_that_is_said():
    space = Space.of(x=Between(0.0, 10.0), y=Between(1, 1000, log=True))
    found = sweep(hill, space, search="random", trials=200, objective="score", executor="here")
    heat = found.heat_map()

    assert sum(cell.trials for row in heat.cells for cell in row if cell) == 200
    assert heat.best.best is found.best
    assert {axis.name: axis.binned for axis in (heat.x, heat.y)} == {"x": True, "y": True}
    assert "in bins, labelled by their lower ends" in heat.caption
    for row, column in np.ndindex(len(heat.y.values), len(heat.x.values)):
        cell = heat.cells[row][column]
        if cell is not None:
            assert heat.x.values[column] <= cell.best.params[heat.x.name]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"x": "z"}, "no parameter 'z'"),
        ({"x": "x", "y": "x"}, "two parameters that are not fixed"),
        ({"fixed": {"x": 1}}, "two parameters that are not fixed"),
        ({"fixed": {"x": 99}}, "no trial there has the figure"),
    ],
)
def test_a_map_that_cannot_be_drawn_says_why(hills, asked, said):
    with pytest.raises(UsageError, match=said):
        hills.heat_map(**asked)


def test_one_parameter_makes_no_map():
    found = sweep(odd_ones_fail, Space.of(x=range(4), y=7), objective="score", executor="here")

    assert found.drawn_map() is None
    assert "<h2>x and y</h2>" not in found._repr_html_()


def grid(scores):
    """Trials whose x and y are the places of their scores."""
    return [
        trial(10 * y + x, {"x": x, "y": y}, score=score)
        for y, row in enumerate(scores)
        for x, score in enumerate(row)
    ]


def verdict(scores, **dimensions):
    trials = grid(scores)
    space = Space.of(**{"x": range(len(scores[0])), "y": range(len(scores))} | dimensions)
    return stability(trials, space, SCORE, SCORE.best_of(trials))


def test_a_peak_whose_neighbours_are_like_any_other_is_a_lone_one():
    found = verdict([[0, 0, 0, 1], [0, 9, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]])

    assert (found.neighbours, found.kept, found.lone_peak) == (8, 0, True)
    assert found.verdict == (
        "Its 8 neighbours keep 0 % of its lead over the median trial: a lone peak, which is how luck looks."
    )


def test_a_peak_among_good_neighbours_is_a_plateau():
    found = verdict([[8, 8, 8, 0, 0], [8, 10, 8, 0, 0], [8, 8, 8, 0, 0], [0, 0, 0, 0, 0]])

    assert (found.neighbours, found.kept, found.lone_peak) == (8, 0.8, False)
    assert "keep 80 % of its lead over the median trial: a plateau" in found.verdict


def test_words_have_no_neighbours_and_ranges_have_those_within_a_tenth():
    words = [trial(n, {"mode": mode}, score=float(n)) for n, mode in enumerate("abc")]
    floats = [
        trial(n, {"f": f}, score=s) for n, (f, s) in enumerate([(0.0, 0), (0.5, 9), (0.55, 8), (0.7, 0)])
    ]

    alone = stability(words, Space.of(mode=list("abc")), SCORE, words[2])
    near = stability(floats, Space.of(f=Between(0.0, 1.0)), SCORE, floats[1])

    assert alone.verdict == "No trial stands next to the best one: try some around it before you believe it."
    assert near.neighbours == 1
    assert near.verdict.startswith("Its only neighbour keeps 80 % of its lead")


def test_trials_that_are_all_alike_have_no_lead():
    assert verdict([[1, 1], [1, 1]]).verdict == "The best trial leads over nothing: all are alike."


class Checked(HTMLParser):
    """Knows which tags are open, and what a page would fetch."""

    def __init__(self, text):
        super().__init__()
        self.open, self.fetched, self.text = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.fetched += [value for name, value in attrs if name in {"src", "href", "srcset"}]
        if tag not in {"meta", "rect", "line", "polyline"}:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.fetched += [value for name, value in attrs if name in {"src", "href"}]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def test_the_page_is_whole_fetches_nothing_and_says_the_verdict(tmp_path, noisy):
    html, json = noisy.save(tmp_path / "out")
    page = html.read_text()
    checked = Checked(page)

    assert (html.name, json.name) == ("sweep.html", "sweep.json")
    assert json.read_bytes() == noisy.json()
    assert not checked.open
    assert not checked.fetched
    assert "url(" not in page
    assert "<script" not in page
    assert "prefers-color-scheme: dark" in page
    said = " ".join(checked.text)
    assert noisy.judgement.verdict in said
    assert noisy.stability.verdict in said
    assert f"luck alone: {noisy.judgement.luck:.2f}" in said
    assert "28 more are not shown" in said


def test_a_page_shows_words_of_trials_and_runs_none_of_them():
    space = Space.of(mode=["<script>alert(1)</script>", "a&b"], x=[1, 2])
    found = sweep(
        lambda params, window: (
            (_ for _ in ()).throw(ValueError("<img src=x>"))
            if params["x"] == 1
            else hill({"x": 1, "y": len(params["mode"])}, window)
        ),
        space,
        objective="score",
        executor="here",
    )
    page = found._repr_html_()

    assert "<script>alert" not in page
    assert "<img" not in page
    assert "&lt;script&gt;" in page
    Checked(page)


def test_a_result_that_cannot_be_written_is_said(tmp_path, hills):
    (tmp_path / "file").touch()

    with pytest.raises(DataError, match="the result cannot be written"):
        hills.save(tmp_path / "file")


def test_the_best_cell_of_a_picture_is_framed_once(hills):
    drawn = map_svg(hills.heat_map())

    assert drawn.count("best") == 1
    assert re.search(r'<g class="q9 best"><title>x=3 y=4: score 0</title>', drawn)
    assert drawn.count('class="none"') == 3
    assert drawn.count("not tried") == 3


def test_an_equity_of_a_million_steps_is_still_a_small_picture():
    drawn = equity_svg(np.linspace(1, 2, 1_000_000), [500_000], "equity")

    assert len(drawn) < 40_000
    assert "+100 %" in drawn


def test_a_flat_equity_can_be_drawn():
    assert "polyline" in equity_svg(np.ones(10), [], "equity")


def test_progress_tells_rate_failures_and_the_best_so_far():
    console = Console(file=StringIO(), width=160, force_terminal=True, color_system=None)
    watcher = AtTerminal("score", console)
    good, bad = trial(0, {"x": 3}, score=1.5), trial(1, {"x": 4}, error="OSError: no data")
    watcher.begins("trials", 10)
    watcher.ended(good, good)
    watcher.ended(bad, good)
    watcher.said("[bold]the last line was torn[/bold]")
    watcher._progress.refresh()
    watcher.stops()
    shown = console.file.getvalue()

    assert "2/10" in shown
    assert "best score 1.5 (x=3), 1 failed" in shown
    assert "[bold]the last line was torn[/bold]" in shown


def test_nothing_is_shown_where_nobody_looks(capsys):
    assert isinstance(watcher_for_here("score"), Quiet)
    sweep(hill, Space.of(x=[1], y=[1]), objective="score", executor="here")

    assert capsys.readouterr() == ("", "")


def test_a_map_of_all_trials_can_be_had_without_a_sweep():
    heat = HeatMap.of(grid([[1, 2], [3, 4]]), Space.of(x=[0, 1], y=[0, 1]), SCORE)

    assert heat.best.figure == 4
