"""Credentials from the environment: `XTRADE_BINANCE_API_KEY`, `XTRADE_BINANCE_SUB1_API_KEY` for `binance.sub1`.

What is read is taken out of the environment, so that the programs this one starts do not inherit it.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping

from xtrade.app.credentials.record import AccountName, Credentials, check_record, environment_named
from xtrade.app.credentials.venues import VENUES, needs
from xtrade.model.errors import CredentialsError, did_you_mean
from xtrade.runtime.secrets import Secret

__all__ = ["accounts_in_environment", "take_from_environment", "unread_variables", "variable"]


def variable(account: AccountName, field: str) -> str:
    """Return the name of the variable that holds a field."""
    return "_".join(["XTRADE", *(part for part in account if part), field]).upper()


def accounts_in_environment(environ: Mapping[str, str]) -> list[AccountName]:
    """Return the accounts that have any variable set."""
    return sorted({account for name in environ if (account := _account_of(name)) is not None})


def unread_variables(environ: Mapping[str, str], venue: str | None = None) -> list[str]:
    """Name the variables that begin as those of a venue (or of this one) and are none of them, and what was meant.

    A misspelt variable would go unnoticed otherwise, and other keys of the account be taken.
    """
    found = []
    for name in sorted(environ):
        words = name.split("_")
        if len(words) < 3 or words[0] != "XTRADE" or words[1].lower() not in VENUES:
            continue
        accounts = [AccountName(words[1].lower(), label) for label in ("", words[2].lower())]
        fields = [*(field.name for field in needs(accounts[0].venue).fields), "environment"]
        known = [variable(account, field) for account in accounts for field in fields]
        if name not in known and venue in {None, accounts[0].venue}:
            found.append(f"{name} is not read.{did_you_mean(name, known)}")
    return found


def take_from_environment(account: AccountName, environ: MutableMapping[str, str]) -> Credentials | None:
    """Take one account's variables out of the environment: None if there are none."""
    names = {field.name: variable(account, field.name) for field in needs(account.venue).fields}
    if not any(name in environ for name in names.values()):
        return None
    for name in names.values():
        if name not in environ:
            # Half a key here and half a key in a file would be a mixture nobody meant.
            strange = [
                other for other in environ if other.startswith("XTRADE_") and other not in names.values()
            ]
            near = did_you_mean(name, strange)
            # What is there of the key is a secret all the same: not for children, nor for any log.
            for given_name in names.values():
                Secret(environ.pop(given_name, ""))
            raise CredentialsError(f"environment: {account} needs {name} too.{near}")
    given = {field: environ.pop(name) for field, name in names.items()}
    word = environ.pop(variable(account, "environment"), "live")
    return check_record(account, given, environment_named(word, "environment"), source="environment")


def _account_of(name: str) -> AccountName | None:
    """Return whose variable this is: labels hold no underscore, so there is one reading at most."""
    words = name.split("_")
    if len(words) < 3 or words[0] != "XTRADE" or words[1].lower() not in VENUES:
        return None
    venue = words[1].lower()
    for label, rest in (("", words[2:]), (words[2].lower(), words[3:])):
        field = "_".join(rest).lower()
        if any(field == known.name for known in needs(venue).fields) and (not label or label.isalnum()):
            return AccountName(venue, label)
    return None
