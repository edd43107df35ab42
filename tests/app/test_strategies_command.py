"""`xtrade strategies`: which there are, and what each can be told."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from xtrade.app.cli import run
from xtrade.app.strategies import strategy_type
from xtrade.strategies import BUILT_IN

OWN = '''
from typing import Annotated, Literal

from msgspec import Meta, field

from xtrade import BookFeed, Params, Strategy


class Mine(Params, frozen=True, kw_only=True):
    size: Annotated[int | None, Meta(description="How much.")] = None
    way: Literal["up", "down"] = "up"
    levels: list[int] = field(default_factory=lambda: [1, 2])
    name: str


class Own(Strategy[Mine]):
    """Says what it does.

    And then more of it.
    """


class Silent(Strategy[Params]):
    pass
'''


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(OWN)


def xtrade(capsys, *words):
    code = run(["strategies", *words])
    out, err = capsys.readouterr()
    return code, out, err


def test_the_built_in_ones_are_listed_with_what_they_do(capsys):
    code, out, _ = xtrade(capsys, "list", "--json")

    found = json.loads(out)
    assert code == 0
    assert [each["name"] for each in found] == list(BUILT_IN)
    assert all(each["about"].endswith(".") for each in found)
    assert xtrade(capsys, "list")[1].count("\n") >= len(BUILT_IN) + 1


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_parameter_of_a_built_in_one_is_explained(capsys, name):
    found = json.loads(xtrade(capsys, "show", name, "--json")[1])

    fields = msgspec.structs.fields(strategy_type(name).params_type)
    assert [each["name"] for each in found["parameters"]] == [field.name for field in fields]
    assert [each["required"] for each in found["parameters"]] == [field.required for field in fields]
    assert all(each["description"].endswith(".") for each in found["parameters"])


def test_one_of_your_own_is_shown_as_its_file_has_it(capsys):
    found = json.loads(xtrade(capsys, "show", "mine.py:Own", "--json")[1])

    assert found["about"] == "Says what it does."
    assert found["source"].endswith("mine.py")
    assert [tuple(each.values()) for each in found["parameters"]] == [
        ("size", "int | None", False, None, "How much."),
        ("way", "Literal['up', 'down']", False, "up", ""),
        ("levels", "list[int]", False, [1, 2], ""),
        ("name", "str", True, None, ""),
    ]


def test_the_table_says_what_is_needed_and_what_stands_there_otherwise(capsys):
    _, out, _ = xtrade(capsys, "show", "quoter")

    lines = {line.split()[0]: line for line in out.splitlines() if line.strip()}
    assert "needed" in lines["instrument"]
    assert "2.0" in lines["half_spread"]
    assert "xtrade backtest run quoter --param half_spread=2.0" in out
    assert "It has no parameters." in xtrade(capsys, "show", "mine.py:Silent")[1]


def test_a_name_that_means_nothing_is_one_line(capsys):
    code, out, err = xtrade(capsys, "show", "quotr")

    assert (code, out) == (3, "")
    assert "'quotr' is no strategy" in err
    assert "Did you mean 'quoter'?" in err
