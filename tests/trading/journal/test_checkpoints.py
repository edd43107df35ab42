"""A checkpoint saves reading, and changes nothing: what is added up from it is what is added up from the beginning."""

from hashlib import blake2b
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from kit.journals import ask, chained, intent
from kit.markets import instrument
from kit.orders import ID, order_events
from xtrade.model import events as ev
from xtrade.model.errors import DataError, NumberError
from xtrade.model.fills import Fill
from xtrade.model.ids import ClientOrderId
from xtrade.model.money import Money
from xtrade.model.sides import Side
from xtrade.trading import checkpoints
from xtrade.trading.checkpoints import FORM, checkpoint_of, from_bytes, keep_checkpoint, restored, to_bytes
from xtrade.trading.journal import read_journal
from xtrade.trading.journal.entries import checked, genesis
from xtrade.trading.order_store import OrderStore, replayed
from xtrade.trading.ports import Asked, InstrumentKnown, Noted, Refused, SessionClosed, SessionOpened, Turned
from xtrade.trading.risk.state import TradingState

MARKET = instrument()
CHANGED = instrument(version=2, lot=MARKET.lot / 10)
FIRST = genesis("test", 0)

amounts = st.sampled_from([Money.of(1, "USDT"), Money.of("-0.3", "USDT"), Money.of(2, "BNB")])
payments = st.sampled_from(["p1", "p2", ""])
records = st.lists(
    st.one_of(
        order_events,
        st.builds(
            Asked,
            client_order_id=st.sampled_from([ID, ClientOrderId(7)]),
            what=st.sampled_from(["cancel", "amend"]),
            request=st.integers(1, 3),
            lots=st.none() | st.integers(1, 200),
            ticks=st.none() | st.integers(1, 9),
            at_ns=st.just(0),
        ),
        st.builds(
            ev.FundingPaid,
            account=st.just("a"),
            instrument=st.just(MARKET.key),
            payment_id=payments,
            amount=amounts,
        ),
        st.builds(ev.BalanceReport, account=st.sampled_from(["a", "b"]), total=amounts, held=amounts),
        st.builds(
            ev.PositionReport, account=st.just("a"), instrument=st.just(MARKET.key), lots=st.integers(-9, 9)
        ),
        st.sampled_from(
            [
                intent(ID, lots=100, ticks=500_000, strategy="other"),
                intent(7, instrument=MARKET.key),
                Refused(intent=intent(7), rule="journal", limit="", figure="", reason="full", at_ns=1),
                InstrumentKnown(instrument=MARKET),
                InstrumentKnown(instrument=CHANGED),
                SessionOpened(host="h", pid=2, program="p", accounts=("a",)),
                SessionClosed(reason="done"),
                ev.AccountOpened(account=MARKET.key.partition(":")[0]),
                ev.AccountOpened(account="a"),
                Turned(strategy="one", state=TradingState.REDUCING, why="a loss", by="guard", at_ns=1),
                Turned(strategy="", state=TradingState.ACTIVE, why="", by="operator", at_ns=2),
                Noted(strategy="one", text="hello", at_ns=0),
                ev.OrderAccepted(client_order_id=ClientOrderId(99)),
            ]
        ),
    ),
    max_size=25,
)
BEGIN = [InstrumentKnown(instrument=MARKET), intent(ID, lots=100, ticks=500_000)]


def known(store):
    """All that a store knows, its portfolio taken apart: an attribute that a checkpoint forgets is seen here."""
    return vars(store) | {"portfolio": vars(store.portfolio)}


@settings(max_examples=300)
@given(records, st.integers(0, 27))
def test_from_a_checkpoint_at_any_record_it_adds_up_to_the_same_as_from_the_beginning(history, cut):
    entries = chained([*BEGIN, *history], FIRST)
    cut = min(cut, len(entries))
    try:
        whole = replayed(entries)
    except NumberError:
        return  # lots that cannot be restated in the new version of the instrument: no journal is written on after that

    kept = to_bytes(replayed(entries[:cut]), FIRST)
    half = from_bytes(kept, FIRST)

    assert to_bytes(half, FIRST) == kept
    assert known(replayed(entries[cut:], half)) == known(whole)
    assert list(half.orders) == list(whole.orders), "oldest first"
    assert list(half.portfolio.all()) == list(whole.portfolio.all()), "who was first pays what is left over"
    assert half.fingerprint() == whole.fingerprint()


@given(records, st.integers(0, 10_000), st.integers(0, 7))
def test_a_flipped_bit_anywhere_in_a_checkpoint_is_found(history, at, bit):
    store = OrderStore()
    for record in history[:3]:
        store.take(record)
    data = bytearray(to_bytes(store, FIRST))
    data[at % len(data)] ^= 1 << bit

    with pytest.raises(DataError, match="damaged"):
        from_bytes(bytes(data), FIRST)
    with pytest.raises(DataError, match="damaged"):
        from_bytes(bytes(data)[: at % len(data)], FIRST)


def test_what_records_add_up_to_has_the_form_that_is_stated():
    """If this fails, records add up to something else than before: raise FORM, so that old checkpoints are not used."""
    file = Path(__file__).parent / "published" / "form-1.journal"
    with read_journal(file) as journal:
        store = replayed(checked(journal.read(), journal.genesis, where=journal.name))
        state = to_bytes(store, journal.genesis).partition(b"\n")[2]

    assert (FORM, blake2b(state, digest_size=8).hexdigest()) == (1, "b34e75ad583127c6")


def trade(journal, numbers):
    for number in numbers:
        journal.append(intent(number))
        fill = Fill(trade_id=f"t{number}", side=Side.BUY, ticks=1000, lots=10, fee=Money.of("0.1", "USDT"))
        journal.append(ev.OrderFilled(client_order_id=number, fill=fill))
    journal.flush()


@pytest.fixture
def day(place):
    """A journal with some trading in it, and a checkpoint after a part of that."""
    with place.open() as journal:
        journal.append(InstrumentKnown(instrument=MARKET))
        trade(journal, (1, 2))
        keep_checkpoint(journal.store, restored(journal.store).store)
        trade(journal, (3,))
    return place


def from_the_beginning(place):
    with read_journal(place.where) as journal:
        return replayed(checked(journal.read(), journal.genesis, where=journal.name))


def assert_not_used(place, why):
    with read_journal(place.where) as journal:
        found = restored(journal)

    assert f"the checkpoint of {journal.name} was not used: " in found.word
    assert why in found.word
    assert found.word.endswith("All records were read instead")
    assert found.read == found.store.sequence
    assert known(found.store) == known(from_the_beginning(place))


def test_what_came_after_is_all_that_is_read(day):
    with day.open() as journal:
        found = restored(journal.store)

    assert (found.read, found.word) == (
        4,
        "",
    )  # an order and its fill, the end of that process, the beginning of ours
    whole = from_the_beginning(day)
    assert whole.sequence == found.store.sequence + 1
    assert found.store.fingerprint() == whole.fingerprint()
    assert found.store.portfolio.lots("one", MARKET.key) == 30


def test_what_was_read_before_is_read_on_from_and_tells_when_the_one_before_ended(day):
    with read_journal(day.where) as journal:
        waiting = restored(journal).store
        last = list(journal.read())[-1].at_ns
    assert waiting.handed_over_ns == 0, "nobody was before the only one"

    with day.open() as journal:
        found = restored(journal.store, onto=waiting)
        trade(journal, (9,))
        again = restored(journal.store, onto=found.store)

    assert (found.read, again.read) == (1, 2)
    assert found.store.handed_over_ns == again.store.handed_over_ns == last
    assert known(again.store) == known(restored_to(day, again.store.sequence))


def restored_to(place, sequence):
    with read_journal(place.where) as journal:
        return replayed(entry for entry in journal.read() if entry.sequence <= sequence)


def test_who_reads_much_keeps_what_it_adds_up_to_for_the_next(place, monkeypatch):
    monkeypatch.setattr(checkpoints, "KEEP_AFTER", 4)
    with place.open() as journal:
        journal.append(InstrumentKnown(instrument=MARKET))
        trade(journal, (1,))
        assert restored(journal.store).read == 4
        assert journal.store.checkpoint() is None, "not asked to keep one"
        assert restored(journal.store, keep=True).read == 4
        trade(journal, (2,))
        assert restored(journal.store, keep=True).read == 2
        assert restored(journal.store, keep=True).read == 2, "too little for a new one"
        trade(journal, (3,))
        assert restored(journal.store, keep=True).read == 4
        assert restored(journal.store, keep=True).read == 0


def test_a_large_checkpoint_comes_back_whole_and_replaces_a_larger_one(place):
    with place.open() as journal:
        for size in (3_500_000, 10):
            journal.store.keep_checkpoint(bytes(range(250)) * (size // 250) + b"end")
            with read_journal(place.where) as reader:
                assert reader.checkpoint() == bytes(range(250)) * (size // 250) + b"end"


def test_whoever_reads_may_keep_one_while_another_writes(day):
    with day.open() as journal:
        trade(journal, (4,))
        with read_journal(day.where) as reader:
            keep_checkpoint(reader, restored(reader).store)
        trade(journal, (5,))
        assert restored(journal.store).read == 2
        assert restored(journal.store).store.portfolio.lots("one", MARKET.key) == 50


def test_one_that_another_version_made_is_not_used(day, monkeypatch):
    monkeypatch.setattr(checkpoints, "version", lambda _: "0.0.1")
    with read_journal(day.where) as journal:
        keep_checkpoint(journal, restored(journal).store)
    monkeypatch.undo()

    assert_not_used(day, "another version of xtrade made it, or it is damaged")


def test_one_that_is_damaged_is_not_used(day):
    with read_journal(day.where) as journal:
        data = journal.checkpoint()
        journal.keep_checkpoint(data[:-1])
        assert_not_used(day, "it is damaged, or of another journal")
        journal.keep_checkpoint(b"")
        assert day.form == "postgres" or journal.checkpoint() == b""
        journal.keep_checkpoint(b"?")
        assert_not_used(day, "another version of xtrade made it, or it is damaged")


def test_one_of_another_journal_is_not_used(day):
    with read_journal(day.where) as journal:
        store = restored(journal).store
        journal.keep_checkpoint(to_bytes(store, genesis("another", 0)))

    assert_not_used(day, "it is damaged, or of another journal")


def test_one_that_is_ahead_of_the_journal_is_not_used(day):
    """An older copy of the journal was put in place of the one that the checkpoint was made of."""
    with read_journal(day.where) as journal:
        store = restored(journal).store
        keep_checkpoint(journal, store)
        last = store.sequence
    day.run(f"DELETE FROM entries WHERE sequence >= {last - 1}", by_force=True)

    assert_not_used(day, f"the journal ends before record {last}, where it was made")


def test_one_whose_record_is_another_in_the_journal_is_not_used(day):
    with read_journal(day.where) as journal:
        store = restored(journal).store
        store.digest = bytes(16)
        keep_checkpoint(journal, store)

    assert_not_used(day, f"record {store.sequence} of the journal is not the one that it was made at")


def test_damage_after_it_is_found_as_ever(day):
    with read_journal(day.where) as journal:
        at = checkpoint_of(journal).sequence
    day.run(f"UPDATE entries SET at_ns = 5 WHERE sequence = {at + 1}", by_force=True)

    with read_journal(day.where) as journal, pytest.raises(DataError, match=f"entry {at + 1} is not what"):
        restored(journal)


def test_one_that_cannot_be_kept_is_told_and_harms_nothing(tmp_path, monkeypatch):
    from kit.journals import Place

    monkeypatch.setattr(checkpoints, "KEEP_AFTER", 1)
    place = Place("sqlite", str(tmp_path / "j"))
    (tmp_path / "j.checkpoint.new").mkdir()
    with place.open() as journal:
        trade_nothing = restored(journal.store, keep=True)

    assert trade_nothing.word.startswith(f"no checkpoint of {tmp_path / 'j'} could be kept: ")
    assert trade_nothing.store.sequence == 1


def test_a_checkpoint_of_a_file_is_for_its_owner_alone(tmp_path):
    from kit.journals import Place

    with Place("sqlite", str(tmp_path / "j")).open() as journal:
        keep_checkpoint(journal.store, restored(journal.store).store)

    assert (tmp_path / "j.checkpoint").stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["j", "j.checkpoint", "journal j.lease"]


def test_tables_of_before_checkpoints_are_read_and_then_brought_up_to_date(journal_database):
    from kit.journals import Place

    place = Place("postgres", f"{journal_database}#old", journal_database)
    place.open().close()
    ask("DROP TABLE xtrade.checkpoints", url=journal_database)
    ask("UPDATE xtrade.form SET version = 1", url=journal_database)

    with read_journal(place.where) as journal:
        assert restored(journal).read == 2
    with place.open() as journal:
        keep_checkpoint(journal.store, restored(journal.store).store)
        assert restored(journal.store).read == 0
