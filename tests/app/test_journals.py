"""A run's journal is where the configuration says, and its accounts are held against all runs of this user."""

import pytest

from xtrade.app.config.model import Config, JournalConfig
from xtrade.app.journals import journal_of, move_journal, place_of
from xtrade.model.errors import AccountHeld
from xtrade.trading.journal import open_journal, read_journal
from xtrade.trading.ports import Noted


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("XTRADE_HOME", str(tmp_path))


def test_a_journal_is_among_the_state_of_its_user_unless_told(tmp_path):
    assert place_of(Config()) == str(tmp_path / "trading.journal")
    assert place_of(Config(journal=JournalConfig(place="here.journal"))) == "here.journal"


def test_two_journals_do_not_trade_one_account(tmp_path):
    other = Config(journal=JournalConfig(place=str(tmp_path / "other" / "j"), durability="process"))
    with journal_of(Config(), accounts=["okx", "binance"]):
        with pytest.raises(AccountHeld, match="account binance is held by process"):
            journal_of(other, accounts=["binance"])
        journal_of(other, accounts=["kucoin"]).close()
    journal_of(other, accounts=["binance"]).close()


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
