"""The passphrase: from the environment, the keyring, or a person; and a clear word where there is none of them."""

import re

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends import fail, null
from keyring.errors import KeyringLocked

from xtrade.app.credentials import passphrase as room
from xtrade.app.credentials.passphrase import new_passphrase, passphrase
from xtrade.model.errors import CredentialsError
from xtrade.runtime import extras


class Desktop(KeyringBackend):
    """A keyring that works, as a desktop has one, in this process's memory."""

    priority = 1

    def __init__(self):
        self.kept = {}

    def get_password(self, service, username):
        return self.kept.get((service, username))

    def set_password(self, service, username, password):
        self.kept[service, username] = password

    def delete_password(self, service, username):
        del self.kept[service, username]


class Locked(Desktop):
    def get_password(self, service, username):
        raise KeyringLocked("the user dismissed the dialog")


@pytest.fixture
def backend():
    before = keyring.get_keyring()
    yield keyring.set_keyring
    keyring.set_keyring(before)


@pytest.fixture
def person(monkeypatch):
    """A person at a terminal, who types these lines."""

    def types(*lines):
        waiting = list(lines)
        monkeypatch.setattr(room, "at_terminal", lambda: True)
        monkeypatch.setattr(room, "ask_hidden", lambda prompt: waiting.pop(0))
        return waiting

    return types


def test_the_environment_comes_first_and_is_cleared(backend, person):
    desktop = Desktop()
    backend(desktop)
    keyring.set_password("xtrade", "keystore", "from the keyring")
    environ = {"XTRADE_PASSPHRASE": "from the environment"}

    assert passphrase(environ).matches("from the environment")
    assert environ == {}
    assert passphrase(environ).matches("from the keyring")


def test_a_person_is_asked_last(backend, person):
    backend(fail.Keyring())
    person("from a person")

    assert passphrase({}).matches("from a person")


@pytest.mark.parametrize(
    ("there", "why"),
    [
        (fail.Keyring(), "this session has no keyring"),
        (null.Keyring(), "the keyring has nothing under this name"),
        (Desktop(), "the keyring has nothing under this name"),
        (Locked(), "the keyring did not answer: KeyringLocked"),
    ],
)
def test_without_a_person_the_message_names_every_way_and_why_the_keyring_failed(
    there, why, backend, monkeypatch
):
    backend(there)
    monkeypatch.setattr(room, "at_terminal", lambda: False)

    for ask in (passphrase, new_passphrase):
        with pytest.raises(CredentialsError) as refusal:
            ask({})
        for word in ("no terminal", "XTRADE_PASSPHRASE", "keyring set xtrade keystore", why):
            assert word in str(refusal.value)


def test_without_the_extra_the_message_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(extras, "find_spec", lambda module: None)
    monkeypatch.setattr(room, "at_terminal", lambda: False)

    with pytest.raises(CredentialsError, match=re.escape(extras.how_to_install("keyring"))):
        passphrase({})


def test_a_new_passphrase_is_typed_twice_the_same(person):
    left = person("correct horse", "correct horse")
    assert new_passphrase({}).matches("correct horse")
    assert not left

    left = person("short", "correct horse", "correct house", "correct horse", "correct horse")
    assert new_passphrase({}).matches("correct horse")
    assert not left

    person(*["correct horse", "correct house"] * 3)
    with pytest.raises(CredentialsError, match="the two passphrases differ"):
        new_passphrase({})


def test_a_short_new_passphrase_is_refused_wherever_it_comes_from(person):
    person(*["too short"] * 3)
    for environ in ({}, {"XTRADE_PASSPHRASE": "too short"}):
        with pytest.raises(CredentialsError, match="10 characters or more"):
            new_passphrase(environ)
