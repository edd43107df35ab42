"""One account's credentials, once they are checked: who it is, real money or not, and what it signs with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Literal, NamedTuple, Self, get_args

from typing_extensions import override

from xtrade.app.credentials.venues import needs, plain_name
from xtrade.app.quoting import quoted, word_like
from xtrade.model.errors import CredentialsError, UsageError, did_you_mean
from xtrade.runtime.secrets import STARS, Secret

__all__ = [
    "AccountName",
    "Credentials",
    "Environment",
    "check_record",
    "environment_named",
    "parse_environment",
]

Environment = Literal["live", "testnet"]

LABEL_LENGTH_USUAL: Final = 12

# Traders' files say it in many ways. A box or a demo account is no real money: testnet.
_WORDS: Final[Mapping[str, Environment]] = {
    "live": "live", "mainnet": "live", "prod": "live", "production": "live", "real": "live",
    "testnet": "testnet", "test": "testnet", "demo": "testnet", "sandbox": "testnet", "paper": "testnet",
}  # fmt: skip


class AccountName(NamedTuple):
    """An account as it is written everywhere: `binance`, or `binance.sub1` where a venue has several."""

    venue: str
    label: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a name; the venue must be one that has keys."""
        venue, dot, label = text.strip().lower().partition(".")
        needs(venue)
        if dot and not re.fullmatch(r"[a-z0-9]{1,24}", label):
            raise UsageError(
                f"account {quoted(text)}: after the dot come 1 to 24 letters and digits, as in '{venue}.sub1'"
            )
        return cls(venue, label)

    def described(self) -> str:
        """Name the account as an error may repeat it: what looks like a key was pasted behind the dot, not chosen."""
        usual = len(self.label) <= LABEL_LENGTH_USUAL or word_like(self.label)
        return str(self) if usual else f"{self.venue}.{STARS}"

    @override
    def __str__(self) -> str:
        return f"{self.venue}.{self.label}" if self.label else self.venue


@dataclass(frozen=True, slots=True, eq=False)
class Credentials:
    """Checked credentials of one account. `secrets` print as stars; `facts` name the account and may be shown."""

    account: AccountName
    environment: Environment
    secrets: Mapping[str, Secret]
    facts: Mapping[str, str]
    source: str

    @property
    def fields(self) -> tuple[str, ...]:
        """Return the names of the fields, in the venue's order."""
        return tuple(field.name for field in needs(self.account.venue).fields)

    @property
    def fingerprint(self) -> str:
        """Return eight digits that tell two keys apart and say nothing of either."""
        values = self.revealed()
        said = "\n".join([self.account.venue, *(f"{name}={values[name]}" for name in sorted(values))])
        return sha256(said.encode()).hexdigest()[:8]

    def revealed(self) -> dict[str, str]:
        """Return all values in the open, for the keystore to encrypt."""
        return {**self.facts, **{name: secret.reveal() for name, secret in self.secrets.items()}}


def environment_named(word: str, source: str) -> Environment:
    """Understand what a source says of real money, or say where it does not."""
    try:
        return parse_environment(word)
    except ValueError as error:
        raise CredentialsError(f"{source}: {error}") from None


def parse_environment(word: str) -> Environment:
    """Understand `live` or `testnet`, and what other tools call them; ValueError where it is neither."""
    if known := _WORDS.get(plain_name(word)):
        return known
    expected = " or ".join(get_args(Environment))
    raise ValueError(f"the environment is {expected}.{did_you_mean(word, _WORDS)}")


def check_record(
    account: AccountName, given: Mapping[str, str], environment: Environment, source: str
) -> Credentials:
    """Check what was given, field by field and together, and return it as credentials, or say what is wrong."""
    needed = needs(account.venue)
    secrets: dict[str, Secret] = {}
    facts: dict[str, str] = {}
    values: dict[str, str] = {}
    # Before anything can fail with a value in its hands: remember what must not be shown.
    for field in needed.fields:
        if field.name in given and not field.public:
            Secret(given[field.name].strip())
    if missing := [field.name for field in needed.fields if not given.get(field.name, "").strip()]:
        raise CredentialsError(f"{source}: {account} lacks {', '.join(missing)}")
    for field in needed.fields:
        try:
            value = field.form.check(given[field.name].strip())
        except ValueError as error:
            raise CredentialsError(f"{source}: {field.name} of {account}: {error}") from None
        values[field.name] = value
        if field.public:
            facts[field.name] = value
        else:
            secrets[field.name] = Secret(value)
    if needed.agree is not None:
        try:
            needed.agree(values)
        except ValueError as error:
            raise CredentialsError(f"{source}: {account}: {error}") from None
    return Credentials(account, environment, secrets, facts, source)
