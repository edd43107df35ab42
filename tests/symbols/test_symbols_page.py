"""The tables of docs/symbols.md are what the data says."""

import re
from pathlib import Path

import pytest

from xtrade.symbols.evidence import EVIDENCE
from xtrade.symbols.patterns import VENUES, patterns_of

PAGE = Path(__file__).resolve().parents[2] / "docs" / "symbols.md"


def evidence_table():
    rows = [f"| {evidence.claim} | {evidence.factor:g} |" for evidence in EVIDENCE]
    return "\n".join(["| evidence | factor without it |", "| --- | --- |", *rows])


def venues_table():
    rows = [
        f"| {venue} | {' | '.join(forms(venue, kind) for kind in ('spot', 'linear', 'inverse'))} | {units(venue)} |"
        for venue in VENUES
    ]
    return "\n".join(
        ["| venue | spot | linear | inverse | units |", "| --- | --- | --- | --- | --- |", *rows]
    )


def forms(venue, kind):
    """Every template of a kind; below them the first quotes, and what it settles in where that is neither of both."""
    found = [form for form in patterns_of(venue).market if form.kind == kind]
    if not found:
        return "-"
    quotes = [*found[0].listed[:3], *(["…"] if found[0].other_quotes else [])]
    settle = f", settled in {found[0].settle}" if found[0].settle else ""
    return "<br>".join([*(f"`{form.template}`" for form in found), ", ".join(quotes) + settle])


def units(venue):
    return ", ".join(f"`{prefix}`" for prefix in patterns_of(venue).units) or "-"


@pytest.mark.parametrize(("name", "table"), [("evidence", evidence_table()), ("venues", venues_table())])
def test_a_table_of_the_page_is_what_the_data_says(name, table):
    shown = re.search(f"<!-- {name} -->\n(.*?)\n*<!-- /{name} -->", PAGE.read_text(), re.DOTALL)[1]

    assert shown.strip() == table, f"put this between the marks of {name}:\n{table}"
