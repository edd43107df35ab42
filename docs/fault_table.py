"""Write the tables of faults.md anew, from faults.toml and from what worlds check: `uv run python` this file."""

import re
import tomllib
from itertools import groupby
from pathlib import Path

from xtrade.testing.invariants import CHECKED

HERE = Path(__file__).parent
PAGE = HERE / "faults.md"
PLACE = re.compile(
    r"(<!-- (faults|invariants|count): made by docs/fault_table.py -->\n).*?(<!-- end -->\n)", re.DOTALL
)
CATALOGUE = tomllib.loads((HERE / "faults.toml").read_text())
FAULTS = [fault for group in CATALOGUE["group"] for fault in group["fault"]]


def state(row):
    """Say whether a fault is shown to be survived."""
    return "waits" if not row.get("tests") else "in part" if "lacks" in row else "yes"


def count():
    """Count the faults by what is shown of them."""
    states = [state(fault) for fault in FAULTS]
    shown, part = states.count("yes"), states.count("in part")
    return (
        f"Of {len(states)} faults {shown} are shown to be survived, {part} in part; {states.count('waits')} are not"
        " shown yet, and each says what it waits for.\n"
    )


def faults():
    """Write a table for each part of the catalogue."""
    parts = []
    for group in CATALOGUE["group"]:
        rows = [f"| {row['id']} | {row['what']} | {state(row)} | {shown(row)} |" for row in group["fault"]]
        parts.append("\n".join([f"### {group['title']}", "", *HEAD, *rows, ""]))
    return "\n" + "\n".join(parts) + "\n"


def invariants():
    """Write where each invariant is held."""
    head = ["| | what must hold | in worlds | also in |", "| --- | --- | --- | --- |"]
    rows = [
        f"| {row['id']} | {row['what']} | {CHECKED.get(row['id'], '')} | {shown(row)} |"
        for row in CATALOGUE["invariant"]
    ]
    return "\n".join(["", *head, *rows, "", ""])


def shown(row):
    """Write the tests as the claims that their names are, file by file, and what is missing."""
    tests = [test.split("::") for test in row.get("tests", ())]
    words = [
        f"{'; '.join(claim(name) for _, name in of_file)} (`{file}`)"
        for file, of_file in groupby(tests, key=lambda test: test[0])
    ]
    lacks = [f"*not yet: {row['lacks']}*"] if "lacks" in row else []
    return "; ".join(words + lacks)


def claim(name):
    """Write a test's name as the sentence it is; one that has the fault's own name is a world of it."""
    if "[" in name:
        return "a world of its own"
    return name.removeprefix("test_").replace("_", " ")


HEAD = ["| | what happens | shown | by |", "| --- | --- | --- | --- |"]


def made(page):
    """Return the page with its tables as they must be."""
    return PLACE.sub(lambda found: found[1] + globals()[found[2]]() + found[3], page)


if __name__ == "__main__":
    PAGE.write_text(made(PAGE.read_text()))
