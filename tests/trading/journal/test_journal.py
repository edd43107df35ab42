"""What a journal promises, in a file and in PostgreSQL alike."""

import os
import re
from contextlib import closing

import pytest

from kit.journals import intent
from xtrade.model.errors import AccountHeld, DataError, JournalBroken
from xtrade.model.events import OrderAccepted, OrderSent
from xtrade.trading.journal import read_journal
from xtrade.trading.journal.entries import checked
from xtrade.trading.journal.kinds import record_of
from xtrade.trading.ports import Decided, Noted, SessionClosed, SessionOpened


def written(place):
    with read_journal(place.where) as journal:
        return [
            record_of(entry.kind, entry.body)
            for entry in checked(journal.read(), journal.genesis, where=journal.name)
        ]


def test_what_is_written_is_read_back_in_order_with_who_wrote_it(place):
    with place.open(accounts=["okx"], note="a test") as journal:
        journal.append(intent(1))
        journal.append(OrderSent(client_order_id=1))
        journal.append(OrderAccepted(client_order_id=1, venue_order_id="v1"))

    opened, *told, closed = written(place)

    assert told == [
        intent(1),
        OrderSent(client_order_id=1),
        OrderAccepted(client_order_id=1, venue_order_id="v1"),
    ]
    assert isinstance(opened, SessionOpened)
    assert (opened.pid, opened.accounts, opened.note) == (os.getpid(), ("okx",), "a test")
    assert closed == SessionClosed()


def test_each_process_has_a_session_and_the_chain_goes_on(place):
    for number in (1, 2, 3):
        with place.open() as journal:
            assert journal.session == number
            journal.append(intent(number))
            entries = list(journal.entries())

    assert [entry.sequence for entry in entries] == list(range(1, len(entries) + 1))
    assert [entry.session for entry in entries] == [1, 1, 1, 2, 2, 2, 3, 3]


def test_what_is_urgent_can_be_read_by_others_at_once(place):
    with place.open() as journal:
        journal.append(Noted(strategy="one", text="lazy", at_ns=1))
        journal.append(intent(1))

        assert [type(record).__name__ for record in written(place)] == [
            "SessionOpened",
            "Noted",
            "OrderIntent",
        ]


def test_what_is_about_one_order_is_found_by_its_id(place):
    with place.open() as journal:
        for number in range(1, 50):
            journal.append(intent(number))
            journal.append(OrderSent(client_order_id=number))
        journal.flush()

        found = list(journal.entries(order=17))

    assert [entry.kind for entry in found] == ["OrderIntent", "OrderSent"]
    assert {entry.order for entry in found} == {17}


def test_more_than_one_piece_is_read_whole(place):
    with place.open(durability="process") as journal:
        for number in range(1, 4_500):
            journal.append(Noted(strategy="one", text="x", at_ns=number))

    assert len(written(place)) == 4_501


def test_a_second_writer_is_told_who_holds_it(place):
    with place.open(accounts=["okx.sub"]), pytest.raises(AccountHeld) as caught:
        place.open(accounts=["okx.sub"])

    assert re.fullmatch(
        r"journal .+ is held by process \d+ \(.+\) on .+ since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC: one account has one"
        r" writer, so stop that one first",
        str(caught.value),
    )
    assert f"process {os.getpid()} " in str(caught.value)
    with place.open(accounts=["okx.sub"]) as again:
        assert again.session == 2


def test_one_account_has_one_writer_whatever_the_journal(place, tmp_path):
    other = place.where + "_other"
    from xtrade.trading.journal import open_journal

    leases = {} if place.form == "postgres" else {"leases": tmp_path / "leases"}
    account = f"okx.{place.form}"
    with open_journal(place.where, accounts=["free", account], **leases):
        with pytest.raises(AccountHeld, match=f"account {account} is held by process"):
            open_journal(other, accounts=[account], **leases)
        with open_journal(other, accounts=["another"], **leases) as unrelated:
            assert unrelated.session == 1


def test_nothing_written_can_be_changed_or_removed(place):
    with place.open() as journal:
        journal.append(intent(1))
    for statement in ("UPDATE entries SET kind = 'Noted' WHERE sequence = 2", "DELETE FROM entries"):
        with pytest.raises(Exception, match="the journal is append-only"):
            place.run(statement)

    assert len(written(place)) == 3


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("UPDATE entries SET at_ns = at_ns + 1 WHERE sequence = 3", "entry 3 is not what was written"),
        ("UPDATE entries SET kind = 'Noted' WHERE sequence = 3", "entry 3 is not what was written"),
        ("UPDATE entries SET session = 2 WHERE sequence = 3", "entry 3 is not what was written"),
        ("UPDATE entries SET order_id = 9 WHERE sequence = 3", "entry 3 is not what was written"),
        ("UPDATE entries SET body = substr(body, 2) WHERE sequence = 3", "entry 3 is not what was written"),
        ("DELETE FROM entries WHERE sequence = 3", "entry 3 is missing, the next there is 4"),
    ],
)
def test_whoever_goes_behind_the_journals_back_is_found(place, statement, says):
    with place.open() as journal:
        for number in (1, 2, 3):
            journal.append(intent(number))
    place.run(statement, by_force=True)

    with pytest.raises(DataError, match=says), place.open() as journal:
        list(journal.entries())


def test_another_writer_ends_this_one_and_nothing_is_mixed(place):
    """A lease that was got round (a copied file, a pool between us and the server) still ends in one writer."""
    with place.open() as journal:
        journal.append(intent(1))
        thief = sneak_in(place, journal)
        with pytest.raises(JournalBroken, match="is written by another process now"):
            journal.append(intent(2))

        assert (journal.may_place, journal.may_cancel) == (False, False)
        assert not journal.try_again()
        with pytest.raises(JournalBroken) as caught:
            journal.append(intent(3))
        assert caught.value.lost

    assert written(place)[-1] == thief


def sneak_in(place, journal):
    """Write the next entry behind the writer's back, as a second writer would."""
    from xtrade.trading.journal.entries import sealed
    from xtrade.trading.journal.kinds import to_body

    record = Noted(strategy="thief", text="", at_ns=0)
    sequence, session, digest = journal.store.head()
    entry = sealed(
        digest,
        sequence=sequence + 1,
        session=session + 1,
        at_ns=0,
        kind="Noted",
        order=None,
        body=to_body(record),
    )
    if place.form == "postgres":
        from kit.journals import ask
        from xtrade.trading.journal.postgres_link import Address

        ask(
            "INSERT INTO xtrade.entries VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            Address(place.where).journal,
            *entry,
            url=place.url,
        )
    else:
        import sqlite3

        with closing(sqlite3.connect(place.where)) as connection, connection:
            connection.execute("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?)", entry)
    return record


def test_what_a_strategy_saw_is_written_with_its_order_in_one_piece(place):
    seen = Decided(client_order_id=1, callback="on_book", cause="book x", heard_ns=1)
    with place.open() as journal:
        journal.append(seen)
        assert (journal.sequence, journal.backlog) == (1, 0), "it waits for its order, and for nothing else"
        journal.append(intent(1))
        assert journal.store.head()[0] == 3
        journal.append(seen)
        journal.flush()
        assert journal.store.head()[0] == 4

    assert written(place)[1:-1] == [seen, intent(1), seen]


def test_a_forked_child_writes_nothing(place):
    with place.open() as journal:
        journal.store._pid = -1
        for leases in getattr(journal.store, "_leases", ()):
            leases._pid = -1
        with pytest.raises(JournalBroken, match="forked"):
            journal.append(intent(1))


def test_a_kind_of_a_later_version_is_refused_by_its_name():
    with pytest.raises(DataError, match="a record of the kind 'OrderTeleported', which this version"):
        record_of("OrderTeleported", b"\x80")
    with pytest.raises(DataError, match="not a record of ours"):
        record_of("OrderIntent", b"\x80")


def test_there_is_nothing_to_read_where_nothing_was_written(tmp_path):
    with pytest.raises(DataError, match="there is no journal"), read_journal(tmp_path / "none"):
        pass
