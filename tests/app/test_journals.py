"""A run's journal is where the configuration says, and its accounts are held against all runs of this user."""

from pathlib import Path

import pytest

from kit.journals import intent
from xtrade.app.config.model import Config, JournalConfig
from xtrade.app.journals import goes_on, move_journal, place_of, put_aside
from xtrade.model.errors import AccountHeld
from xtrade.trading import checkpoints
from xtrade.trading.journal import open_journal, read_journal
from xtrade.trading.ports import Noted


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("XTRADE_HOME", str(tmp_path))


def test_a_nodes_journal_is_among_the_state_of_its_user_unless_told(tmp_path):
    assert place_of(Config(), "desk") == str(tmp_path / "nodes" / "desk" / "trading.journal")
    assert place_of(Config(journal=JournalConfig(place="here.journal")), "desk") == "here.journal"
    address = "postgresql://a@b/c#d"
    assert place_of(Config(journal=JournalConfig(place=address)), "desk") == address


def test_two_journals_do_not_trade_one_account(tmp_path):
    other = Config(journal=JournalConfig(place=str(tmp_path / "other" / "j"), durability="process"))
    with goes_on(Config(), "desk", accounts=["okx", "binance"]).journal:
        with pytest.raises(AccountHeld, match="account binance is held by process"):
            goes_on(other, "desk", accounts=["binance"])
        goes_on(other, "desk", accounts=["kucoin"]).journal.close()
    goes_on(other, "desk", accounts=["binance"]).journal.close()


def test_what_is_handed_over_is_what_processes_before_this_one_wrote(tmp_path):
    first = goes_on(Config(), "desk")
    assert first.handover is None
    first.journal.append(Noted(strategy="s", text="a word", at_ns=1))
    last_ns = [entry.at_ns for entry in first.journal.entries()][-1]
    first.journal.store.close()  # it died

    journal, handover = goes_on(Config(), "desk")
    with journal:
        assert handover.written_ns == last_ns
        assert journal.session == 2


def test_a_start_goes_on_from_a_checkpoint_and_tells_if_that_does_not_hold(monkeypatch):
    monkeypatch.setattr(checkpoints, "KEEP_AFTER", 2)
    place, told = Path(place_of(Config(), "desk")), []
    kept = place.with_name(f"{place.name}.checkpoint")
    with goes_on(Config(), "desk").journal as first:
        first.append(intent(1))
    goes_on(Config(), "desk").journal.close()
    whole = kept.read_bytes()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoints, "KEEP_AFTER", 1_000)
        journal, from_checkpoint = goes_on(Config(), "desk", tell=told.append)
        journal.close()
        assert told == []
        kept.write_bytes(whole[:-1])
        journal, from_the_beginning = goes_on(Config(), "desk", tell=told.append)
        journal.close()
        assert [word.partition(" was not used")[0] for word in told] == [f"the checkpoint of {place}"]

    assert list(from_checkpoint.orders) == list(from_the_beginning.orders)
    assert [state.intent for state in from_checkpoint.orders] == [intent(1)]
    assert from_checkpoint.written_ns < from_the_beginning.written_ns
    aside = put_aside(Config(), "desk")
    assert aside.with_name(f"{aside.name}.checkpoint").exists()
    assert not kept.exists()


def test_put_aside_a_journal_is_whole_under_another_name_and_the_next_one_begins(tmp_path):
    with goes_on(Config(), "desk").journal, pytest.raises(AccountHeld):
        put_aside(Config(), "desk")
    aside = put_aside(Config(), "desk")

    with read_journal(aside) as journal:
        assert [entry.kind for entry in journal.read()] == ["SessionOpened", "SessionClosed"]
    assert goes_on(Config(), "desk").handover is None
    assert put_aside(Config(), "nobody") is None


@pytest.mark.parametrize("is_read", [False, True])
def test_a_journal_is_whole_where_it_was_moved_to_also_while_somebody_reads_it(tmp_path, is_read):
    before, after = tmp_path / "running" / "trading.journal", tmp_path / "result"
    after.mkdir()
    journal = open_journal(before)
    for number in range(50):
        journal.append(Noted(strategy="s", text=str(number), at_ns=number))
    with read_journal(before) as reader:
        looking = reader.read()
        if is_read:
            next(looking)
        journal.close()
        move_journal(before, after)

    assert not before.parent.exists()
    with read_journal(after / before.name) as moved:
        assert sum(entry.kind == "Noted" for entry in moved.read()) == 50
