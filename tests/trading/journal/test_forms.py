"""Journals of other versions: every published form is read, a later one is refused, a change of form is made once."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from kit.journals import Place, ask, intent
from xtrade.model.errors import DataError
from xtrade.model.order_state import OrderStatus
from xtrade.trading.journal import open_journal, postgres, read_journal, sqlite
from xtrade.trading.journal.entries import checked
from xtrade.trading.order_store import replayed
from xtrade.trading.ports import Noted

PUBLISHED = sorted((Path(__file__).parent / "published").glob("*.journal"))


@pytest.mark.parametrize("file", PUBLISHED, ids=lambda file: file.stem)
def test_every_published_form_is_read_and_written_on(file, tmp_path):
    place = tmp_path / "old.journal"
    shutil.copy(file, place)
    with read_journal(place) as journal:
        before = list(checked(journal.read(), journal.genesis, where=journal.name))
        store = replayed(before)

    assert [state.status for state in store.orders.values()] == [OrderStatus.FILLED, OrderStatus.CANCELED]
    assert store.portfolio.lots("maker", "binance:BTC/USDT:USDT") == 3
    assert [(state.executed_lots, state.ticks) for state in store.orders.values()] == [(3, 1001), (0, 990)]
    with open_journal(place) as journal:
        journal.append(intent(10**18))
        assert list(journal.entries())[: len(before)] == before


def test_there_is_a_published_form_of_each_number():
    assert {file.stem for file in PUBLISHED} >= {f"form-{number}" for number in range(1, sqlite.FORMAT + 1)}


def test_a_later_form_is_refused_and_left_alone(tmp_path):
    place = tmp_path / "j"
    open_journal(place).close()
    with closing(sqlite3.connect(place)) as connection:
        connection.execute("PRAGMA user_version = 7")

    for opened in (open_journal, lambda where: read_journal(where).__enter__()):
        with pytest.raises(
            DataError, match="has the form 7, and this version of xtrade knows the forms up to 1"
        ):
            opened(place)


def test_a_change_of_form_is_made_once_and_keeps_what_is_there(tmp_path, monkeypatch):
    place = tmp_path / "j"
    with open_journal(place) as journal:
        journal.append(intent(1))
    monkeypatch.setattr(sqlite, "FORMAT", 2)
    monkeypatch.setitem(sqlite.MIGRATIONS, 1, ("CREATE TABLE added (x INTEGER)",))

    for number in (2, 3):
        with open_journal(place) as journal:
            journal.append(intent(number))
            assert set(replayed(journal.entries()).orders) == set(range(1, number + 1))


def test_another_database_is_not_taken_for_a_journal(tmp_path):
    place = tmp_path / "other.db"
    with closing(sqlite3.connect(place)) as connection, connection:
        connection.execute("CREATE TABLE t (x)")

    with pytest.raises(DataError, match="is a database, and not a journal of xtrade"):
        open_journal(place)


def test_tables_of_a_later_form_are_refused_and_a_change_of_form_is_made_once(journal_database, monkeypatch):
    place = Place("postgres", f"{journal_database}#forms", journal_database)
    place.open().close()
    monkeypatch.setattr(postgres, "FORMAT", 3)
    monkeypatch.setitem(postgres.MIGRATIONS, 2, "CREATE TABLE xtrade.added (x integer)")
    for _ in range(2):
        place.open().close()
    monkeypatch.undo()

    with pytest.raises(
        DataError, match="have the form 3, and this version of xtrade knows the forms up to 2"
    ):
        place.open()
    with pytest.raises(DataError, match="have the form 3"), read_journal(place.where):
        pass
    ask("DROP TABLE xtrade.added", url=journal_database)
    ask("UPDATE xtrade.form SET version = 2", url=journal_database)


def test_a_journal_that_is_not_there_is_told_with_those_that_are(journal_database):
    Place("postgres", f"{journal_database}#there", journal_database).open().close()

    with (
        pytest.raises(DataError, match=r"there is no journal .+#nowhere; there are: .*there"),
        read_journal(f"{journal_database}#nowhere"),
    ):
        pass


def test_a_journal_that_was_just_written_is_read_along_its_key(journal_database):
    """Without statistics the server thinks that little is there: it would sort all that follows for each piece."""
    place = Place("postgres", f"{journal_database}#long", journal_database)
    with place.open() as journal:
        for number in range(2_000):
            journal.append(Noted(strategy="one", text="x" * 100, at_ns=number))
    with read_journal(place.where) as journal:
        link = journal._link
        asked = f"EXPLAIN {postgres._PIECE}", "long", 10, None, None
        plan = [row[0] for row in link.run(lambda: link.connection.fetch(*asked))]

    assert any("Index Scan using entries_pkey" in line for line in plan), plan
    assert not any("Sort" in line for line in plan), plan
