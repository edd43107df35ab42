"""docs/keys.md says what the table in the code says."""

import re
from pathlib import Path

import xtrade
from xtrade.app.credentials.venues import VENUES

PAGE = Path(xtrade.__file__).parents[2] / "docs" / "keys.md"


def table():
    """The venues' fields as the page shows them. Print it to renew the page."""
    lines = ["| Venue | Field | What it is | |", "| --- | --- | --- | --- |"]
    for venue, needed in VENUES.items():
        for field in needed.fields:
            shown = "public" if field.public else "secret"
            hint = f"; {field.hint}" if field.hint else ""
            lines.append(f"| {venue} | `{field.name}` | {field.form.name}{hint} | {shown} |")
    return "\n".join(lines)


def test_the_page_shows_the_fields_of_every_venue():
    shown = re.search(r"<!-- fields[^>]*-->\n(.*)\n<!-- /fields -->", PAGE.read_text(), re.DOTALL)

    assert shown[1] == table()
