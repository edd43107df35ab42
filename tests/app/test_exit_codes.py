"""Exit codes are an interface: every error has one, and the table in the docs is the table in the code."""

import inspect
import re
from pathlib import Path

import pytest

from xtrade.app.exit_codes import EXIT_CODES, exit_code_of
from xtrade.model import errors

PAGE = Path(__file__).parents[2] / "docs" / "command-line.md"
ERRORS = [e for _, e in inspect.getmembers(errors, inspect.isclass) if issubclass(e, errors.XtradeError)]


@pytest.mark.parametrize("error", ERRORS)
def test_every_error_has_its_own_exit_code_or_that_of_the_nearest_parent(error):
    by_class = {row.error: row.number for row in EXIT_CODES if row.error}
    nearest = next(by_class[parent] for parent in error.__mro__ if parent in by_class)

    assert exit_code_of(error.__new__(error)) == nearest


def test_exit_codes_are_distinct_and_leave_the_shells_own_alone():
    numbers = [row.number for row in EXIT_CODES]

    assert len(set(numbers)) == len(numbers)
    assert all(0 <= n < 126 or n == 130 for n in numbers)


def test_the_docs_show_this_very_table():
    rows = re.findall(r"^\| (\d+) \| (.*?) \|$", PAGE.read_text(), re.MULTILINE)

    assert rows == [(str(row.number), row.meaning) for row in EXIT_CODES]
