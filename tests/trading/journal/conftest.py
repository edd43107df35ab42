"""A place for a journal, in each of its forms."""

import pytest

from kit.journals import FORMS, Place, database, server_answers


@pytest.fixture(scope="session")
def journal_database():
    if not server_answers():
        pytest.skip("no PostgreSQL server to write a journal to")
    with database() as url:
        yield url


@pytest.fixture(params=FORMS)
def place(request, tmp_path):
    if request.param == "sqlite":
        return Place("sqlite", str(tmp_path / "desk" / "trading.journal"))
    # One database for all: each test has a journal, and accounts, of its own.
    url = request.getfixturevalue("journal_database")
    return Place("postgres", f"{url}#{request.node.name}", url)
