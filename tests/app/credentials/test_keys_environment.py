"""Keys from the environment, and which source comes first."""

import re

import pytest
from hypothesis import given, strategies as st

from xtrade.app.credentials.environment import accounts_in_environment, take_from_environment, variable
from xtrade.app.credentials.keystore import Keystore
from xtrade.app.credentials.record import AccountName
from xtrade.app.credentials.sources import Sources
from xtrade.app.credentials.venues import VENUES, needs
from xtrade.model.errors import CredentialsError
from xtrade.runtime.secrets import Secret, redact

PASSPHRASE = "canary passphrase"
ACCOUNTS = st.builds(
    AccountName,
    st.sampled_from(sorted(VENUES)),
    st.just("") | st.from_regex(r"[a-z0-9]{1,24}", fullmatch=True),
)


@given(ACCOUNTS, st.data())
def test_each_variable_tells_its_account(account, data):
    field = data.draw(st.sampled_from(needs(account.venue).fields))

    assert accounts_in_environment({variable(account, field.name): "x"}) == [account]


def test_variables_of_others_are_left_alone():
    others = [
        "PATH",
        "XTRADE_HOME",
        "XTRADE_PASSPHRASE",
        "XTRADE__ENGINE__MODE",
        "XTRADE_BINANCE",
        "XTRADE_KRAKEN_API_KEY",
    ]

    assert accounts_in_environment(dict.fromkeys(others, "x")) == []


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize("label", ["", "sub1"])
def test_what_is_read_is_gone_from_the_environment(venue, label, keys):
    account = AccountName(venue, label)
    environ = {variable(account, name): value for name, value in keys(venue).items()}
    environ |= {"PATH": "/bin", variable(account, "environment"): "testnet"}
    found = take_from_environment(account, environ)

    assert found.revealed() == keys(venue)
    assert found.environment == "testnet"
    assert environ == {"PATH": "/bin"}


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("XTRADE_OKX_API_KY", "XTRADE_OKX_API_KEY"),
        ("XTRADE_OKX_SUB1_PASSPHRAS", "XTRADE_OKX_SUB1_PASSPHRASE"),
        ("XTRADE_OKX_ENVIRONMNT", "XTRADE_OKX_ENVIRONMENT"),
    ],
)
def test_a_misspelt_variable_is_named_and_nothing_is_taken_from_elsewhere(name, meant, sources):
    sources.environ.clear()
    sources.environ[name] = "canary"

    problem = f"{name} is not read. Did you mean {meant!r}?"
    assert [row.problem for row in sources.known() if row.source == "environment"] == [problem]
    with pytest.raises(CredentialsError, match=re.escape(problem)):
        sources.find(AccountName("okx"))


@pytest.mark.parametrize("name", ["XTRADE_OKX_ENVIRONMENT", "XTRADE_OKX_SUB1_ENVIRONMENT", "XTRADE_HOME"])
def test_a_variable_that_is_read_is_not_called_unread(name, sources):
    sources.environ.clear()
    sources.environ[name] = "testnet"

    assert not any(row.problem for row in sources.known())


def test_half_a_key_is_an_error_and_not_completed_from_elsewhere(keys):
    environ = {
        "XTRADE_OKX_API_KEY": "canary-key",
        "XTRADE_OKX_API_SECERT": "canary",
        "XTRADE_OKX_PASSPHRASE": "canary",
    }

    with pytest.raises(
        CredentialsError, match=r"okx needs XTRADE_OKX_API_SECRET too\. Did you mean 'XTRADE_OKX_API_SECERT'"
    ):
        take_from_environment(AccountName("okx"), environ)


@pytest.fixture
def sources(tmp_path, record, cheap, keys):
    """Keys of the same account in all three places, told apart by their making."""
    keystore = Keystore(tmp_path / "keystore")
    keystore.put(record("okx", seed=3), Secret(PASSPHRASE), cost=cheap)
    files = tmp_path / "keys"
    files.mkdir()
    (files / "okx.txt").write_text("".join(f"{name}={value}\n" for name, value in keys("okx", 2).items()))
    (files / "okx.txt").chmod(0o600)
    environ = {variable(AccountName("okx"), name): value for name, value in keys("okx", 1).items()}
    return Sources(environ, files, keystore, lambda environ: Secret(PASSPHRASE))


def test_the_environment_comes_first_then_key_files_then_the_keystore(sources, keys):
    okx = AccountName("okx")

    assert [row.used for row in sources.known()] == [True, False, False]
    sources.environ.update({variable(okx, name): value for name, value in keys("okx", 1).items()})
    assert sources.find(okx).revealed() == keys("okx", 1)
    assert sources.find(okx).revealed() == keys("okx", 2)
    (sources.key_files / "okx.txt").unlink()
    assert sources.find(okx).revealed() == keys("okx", 3)


def test_an_account_without_keys_is_told_how_to_get_them(sources):
    with pytest.raises(CredentialsError, match=r"^no keys for okx\.sub1: xtrade keys add okx\.sub1$"):
        sources.find(AccountName("okx", "sub1"))


def test_live_keys_are_refused_where_testnet_is_meant_and_the_reverse(sources, keys):
    """
    The environment is part of the key, so a test configuration cannot trade real money by mistake (HU-02).
    """
    with pytest.raises(
        CredentialsError, match="okx: the keys in environment are live ones, and testnet is meant"
    ):
        sources.find(AccountName("okx"), meant_for="testnet")
    assert sources.find(AccountName("okx"), meant_for="live").environment == "live"


def test_two_key_files_of_one_account_are_an_error(sources):
    sources.environ.clear()
    (sources.key_files / "OKX_key.txt").touch(0o600)

    with pytest.raises(CredentialsError, match="okx has two key files"):
        sources.find(AccountName("okx"))


def test_a_broken_source_is_a_row_with_a_problem_and_hides_no_other(sources):
    sources.environ.clear()
    (sources.key_files / "okx.txt").chmod(0o644)
    (sources.key_files / "shopping.txt").touch(0o600)
    rows = sources.known()

    assert [(row.account, row.source, bool(row.problem)) for row in rows] == [
        ("okx", "key file okx.txt", True),
        ("?", "key file shopping.txt", True),
        ("okx", "keystore", False),
    ]
    assert "chmod 600" in rows[0].problem


def test_half_a_key_is_taken_out_of_the_environment_and_never_shown():
    environ = {"XTRADE_OKX_API_SECRET": "topsecretvalue99", "HOME": "/home/ann"}

    with pytest.raises(CredentialsError, match="needs XTRADE_OKX_API_KEY too"):
        take_from_environment(AccountName("okx", ""), environ)
    assert environ == {"HOME": "/home/ann"}
    assert redact("it was topsecretvalue99") == "it was ****"
