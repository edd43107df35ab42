"""A run's journal is where the configuration says, and its accounts are held against all runs of this user."""

import pytest

from xtrade.app.config.model import Config, JournalConfig
from xtrade.app.journals import journal_of, place_of
from xtrade.model.errors import AccountHeld


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
