"""docs/faults.md says which test shows which fault to be survived: every test it names is there, nothing is stale."""

import ast
import re
import runpy
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from worlds.scenarios import SCENARIOS
from xtrade.testing.faults import FAULTS
from xtrade.testing.invariants import CHECKED

ROOT = Path(__file__).parent.parent
TABLE = runpy.run_path(str(ROOT / "docs" / "fault_table.py"))
ROWS = [*TABLE["FAULTS"], *TABLE["CATALOGUE"]["invariant"]]


@cache
def functions_in(file):
    tree = ast.parse((ROOT / "tests" / file).read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_the_page_is_what_the_catalogue_says():
    page = TABLE["PAGE"].read_text()

    assert page == TABLE["made"](page), "run: uv run python docs/fault_table.py"


@pytest.mark.parametrize("row", ROWS, ids=[row["id"] for row in ROWS])
def test_a_row_names_tests_that_are_there_or_says_what_it_waits_for(row):
    assert row.get("tests") or row.get("lacks"), "neither a test nor what it waits for"
    for test in row.get("tests", ()):
        file, name = test.split("::")
        name, _, fault = name.partition("[")
        assert name in functions_in(file), f"{test} is no test"
        assert not fault or (fault == f"{row['id']}]" and row["id"] in SCENARIOS)


def test_each_fault_and_invariant_has_one_row():
    assert [name for name, count in Counter(row["id"] for row in ROWS).items() if count > 1] == []
    assert [row["id"] for row in TABLE["CATALOGUE"]["invariant"]] == [f"I{number}" for number in range(1, 31)]


def test_what_worlds_show_is_in_the_table():
    worlds = {row["id"] for row in ROWS if any("[" in test for test in row.get("tests", ()))}

    assert worlds == set(SCENARIOS)
    assert set(CHECKED) <= {row["id"] for row in ROWS}


def test_the_tests_of_a_fault_are_found_by_its_name(request):
    """This session's own tests carry the names of their faults: `pytest -k OS-01`."""
    collected = {item.nodeid.partition("[")[0]: item.extra_keyword_matches for item in request.session.items}

    for row in ROWS:
        for test in row.get("tests", ()):
            marked = collected.get(f"tests/{test.partition('[')[0]}")
            assert marked is None or "[" in test or row["id"] in marked


def test_the_page_of_worlds_has_every_fault_and_invariant_that_they_have():
    page = (ROOT / "docs" / "worlds.md").read_text()
    first_cells = [line.split("|")[1] for line in page.splitlines() if line.startswith("| ")]
    names = {name for cell in first_cells for name in re.findall(r"`(\w+)`|(I\d+)", cell)}

    assert {fault for fault, _ in names if fault} == set(FAULTS)
    assert {invariant for _, invariant in names if invariant} == set(CHECKED)
