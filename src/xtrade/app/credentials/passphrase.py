"""The keystore's passphrase: from `XTRADE_PASSPHRASE`, the desktop's keyring, or the person at the terminal.

In this order, so that a server needs nobody, and a desktop asks only what it does not know.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Final, TypeVar

from xtrade.model.errors import CredentialsError, UsageError
from xtrade.runtime.extras import EXTRAS, how_to_install
from xtrade.runtime.secrets import Secret

__all__ = [
    "KEYRING_SERVICE",
    "KEYRING_USER",
    "VARIABLE",
    "ask_hidden",
    "ask_until_right",
    "at_terminal",
    "new_passphrase",
    "passphrase",
    "typed_ahead_is_dropped",
]

Answer = TypeVar("Answer")

VARIABLE: Final = "XTRADE_PASSPHRASE"
# `keyring set xtrade keystore` puts it there.
KEYRING_SERVICE: Final = "xtrade"
KEYRING_USER: Final = "keystore"
LENGTH_MIN: Final = 10
TRIES_MAX: Final = 3


def passphrase(environ: MutableMapping[str, str]) -> Secret:
    """Return the passphrase of a keystore that exists."""
    known, reason = _known(environ)
    if known is not None:
        return known
    if not at_terminal():
        raise CredentialsError(
            f"the keystore is locked, and there is no terminal to ask for its passphrase: set {VARIABLE}, or"
            f" `keyring set {KEYRING_SERVICE} {KEYRING_USER}` ({reason})"
        )
    return Secret(ask_hidden("Passphrase of the keystore: "))


def new_passphrase(environ: MutableMapping[str, str]) -> Secret:
    """Return the passphrase of a keystore that is about to be made; a person types it twice."""
    known, reason = _known(environ)
    if known is None:
        if not at_terminal():
            raise CredentialsError(
                f"a new keystore needs a passphrase, and there is no terminal to ask for one: set {VARIABLE}, or"
                f" `keyring set {KEYRING_SERVICE} {KEYRING_USER}` ({reason})"
            )
        return ask_until_right(_typed_twice, "passphrase")
    if len(known.reveal()) < LENGTH_MIN:
        raise CredentialsError(f"a passphrase has {LENGTH_MIN} characters or more: nothing was written")
    return known


def at_terminal() -> bool:
    """Tell whether there is a person to ask."""
    return sys.stdin.isatty()


def ask_hidden(prompt: str) -> str:
    """Ask a person for something that the terminal must not show."""
    from getpass import getpass

    try:
        return getpass(prompt, stream=sys.stderr)
    except EOFError:
        raise UsageError("the terminal was closed: nothing was changed") from None


def ask_until_right(ask: Callable[[], Answer], what: str) -> Answer:
    """Ask a person again where `ask` raises ValueError, a few times: one slip must not cost what was typed before."""
    from xtrade.app.output import note

    problem = ""
    for _ in range(TRIES_MAX):
        try:
            return ask()
        except ValueError as error:
            problem = str(error).rstrip(".")
            note(f"That is not it: {problem}{'' if problem.endswith('?') else '.'}")
    raise CredentialsError(f"{what}: {problem} (nothing was written)")


@contextmanager
def typed_ahead_is_dropped() -> Iterator[None]:
    """Drop the lines that a person has pasted already where a command fails: the shell would take them as its own."""
    try:
        yield
    except BaseException:
        if at_terminal():
            import termios

            termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)
        raise


def _typed_twice() -> Secret:
    given = Secret(ask_hidden(f"New passphrase for the keystore ({LENGTH_MIN} characters or more): "))
    if len(given.reveal()) < LENGTH_MIN:
        raise ValueError(f"a passphrase has {LENGTH_MIN} characters or more")
    if not given.matches(ask_hidden("The same again: ")):
        raise ValueError("the two passphrases differ")
    return given


def _known(environ: MutableMapping[str, str]) -> tuple[Secret | None, str]:
    if given := environ.pop(VARIABLE, ""):
        return Secret(given), ""
    return _from_keyring()


def _from_keyring() -> tuple[Secret | None, str]:
    """Return what the desktop's keyring has, or why it has nothing."""
    if next(extra for extra in EXTRAS if extra.name == "keyring").missing():
        return None, f"needs {how_to_install('keyring')}"
    import keyring
    from keyring.backends import fail
    from keyring.errors import KeyringError

    # On servers, in containers and over SSH there is no session to keep secrets for.
    if isinstance(keyring.get_keyring(), fail.Keyring):
        return None, "this session has no keyring: a server or container rarely has"
    try:
        kept = keyring.get_password(KEYRING_SERVICE, KEYRING_USER)
    except KeyringError as error:
        return None, f"the keyring did not answer: {type(error).__name__}"
    return (Secret(kept), "") if kept else (None, "the keyring has nothing under this name")
