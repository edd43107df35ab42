"""What each venue needs to know us, as data: docs/keys.md shows this table, `xtrade keys add` asks for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from xtrade.app.credentials import forms
from xtrade.app.credentials.forms import Form
from xtrade.app.quoting import quoted
from xtrade.model.errors import UsageError, did_you_mean

__all__ = ["VENUES", "Field", "VenueKeys", "needs", "plain_name"]


class Field(NamedTuple):
    """One thing that a venue gives us. A public field names the account; it opens nothing, and may be shown."""

    name: str
    form: Form
    public: bool = False
    aliases: tuple[str, ...] = ()
    hint: str = ""

    def is_called(self, name: str) -> bool:
        """Tell whether a person means this field, whatever the case and the signs between the words."""
        return plain_name(name) in {plain_name(known) for known in (self.name, *self.aliases)}


class VenueKeys(NamedTuple):
    """What one venue needs, and whether its fields fit together."""

    fields: tuple[Field, ...]
    agree: Callable[[Mapping[str, str]], None] | None = None

    def field(self, name: str) -> Field | None:
        """Return the field that a person means, if there is one."""
        return next((field for field in self.fields if field.is_called(name)), None)


def plain_name(name: str) -> str:
    """Return the letters and digits of a name: `API-Key` and `api_key` are one."""
    return "".join(character for character in name.casefold() if character.isalnum())


def needs(venue: str) -> VenueKeys:
    """Return what a venue needs, or say which venues there are."""
    try:
        return VENUES[venue]
    except KeyError:
        near = did_you_mean(venue, VENUES)
        raise UsageError(
            f"no venue is called {quoted(venue)}.{near or ' Known: ' + ', '.join(VENUES) + '.'}"
        ) from None


_API_KEY = Field("api_key", forms.TEXT, aliases=("key", "apikey id", "access key"))
_API_SECRET = Field("api_secret", forms.TEXT, aliases=("secret", "secret key", "api secret key"))
_PASSPHRASE = Field("passphrase", forms.PASSPHRASE, aliases=("api passphrase", "password", "pass phrase"))


def _evm_key(hint: str) -> Field:
    return Field(
        "private_key", forms.SECP256K1, aliases=("signer key", "signer private key", "session key"), hint=hint
    )


def _backpack_pair(values: Mapping[str, str]) -> None:
    forms.ed25519_pair(values["api_key"], values["private_key"])


VENUES: Final[Mapping[str, VenueKeys]] = MappingProxyType(
    {
        "aster": VenueKeys(
            (
                Field(
                    "wallet",
                    forms.EVM_ADDRESS,
                    public=True,
                    aliases=("user", "address"),
                    hint="the main wallet",
                ),
                _evm_key("of the agent (API wallet), not of the main wallet"),
            )
        ),
        "backpack": VenueKeys(
            (
                Field("api_key", forms.ED25519_PUBLIC, aliases=("key", "public key")),
                Field(
                    "private_key", forms.ED25519_SEED, aliases=("secret", "secret key", "api secret", "seed")
                ),
            ),
            agree=_backpack_pair,
        ),
        "binance": VenueKeys(
            (
                _API_KEY,
                Field("api_secret", forms.HMAC_OR_PEM, aliases=("secret", "secret key", "private key")),
            )
        ),
        "bitmart": VenueKeys(
            (
                _API_KEY,
                _API_SECRET,
                Field(
                    "memo",
                    forms.LABEL,
                    public=True,
                    aliases=("uid", "api memo"),
                    hint="the name given to the key",
                ),
            )
        ),
        "derive": VenueKeys(
            (
                Field(
                    "wallet", forms.EVM_ADDRESS, public=True, aliases=("owner", "address"), hint="the owner"
                ),
                Field("subaccount_id", forms.whole(0, 2**63 - 1), public=True, aliases=("sub account",)),
                _evm_key("of a session key, not of the owner"),
            )
        ),
        "edgex": VenueKeys(
            (
                Field("account_id", forms.whole(1, 2**64 - 1), public=True, aliases=("account",)),
                _API_KEY,
                _API_SECRET,
                _PASSPHRASE,
                _evm_key("of the SDK signer (V2)"),
            )
        ),
        "grvt": VenueKeys(
            (
                Field(
                    "sub_account_id",
                    forms.whole(1, 2**64 - 1),
                    public=True,
                    aliases=("trading account id", "sub account"),
                ),
                _API_KEY,
                _evm_key("of the trading API key"),
            )
        ),
        "kucoin": VenueKeys((_API_KEY, _API_SECRET, _PASSPHRASE)),
        "lighter": VenueKeys(
            (
                Field("account_index", forms.whole(0, 2**48 - 2), public=True, aliases=("account",)),
                Field(
                    "api_key_index",
                    forms.whole(0, 254),
                    public=True,
                    aliases=("key index",),
                    hint="0 to 3 belong to the venue's own apps",
                ),
                Field(
                    "private_key",
                    forms.LIGHTER_KEY,
                    aliases=("api private key", "secret", "api key private key"),
                ),
            )
        ),
        "okx": VenueKeys((_API_KEY, _API_SECRET, _PASSPHRASE)),
        "paradex": VenueKeys(
            (
                Field(
                    "account_address",
                    forms.STARKNET_ADDRESS,
                    public=True,
                    aliases=("address", "account", "l2 address"),
                    hint="the L2 address",
                ),
                Field(
                    "private_key",
                    forms.STARK_KEY,
                    aliases=("l2 private key", "subkey", "stark private key"),
                    hint="L2 key or subkey, not the Ethereum key",
                ),
            )
        ),
    }
)
