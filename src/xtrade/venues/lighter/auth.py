"""How Lighter knows us: a key signs each transaction, and the tokens with which private things are asked.

key = LighterKey.from_key({"account_index": …, "api_key_index": …, "private_key": …})
key.transaction(now_ns, chain_id, TransactionType.CANCEL_ORDER, {"MarketIndex": 1, "Index": 777})
key.token(now_ns)

Every transaction has a number that must rise, or it is refused. The venue counts them one by one, unless a
transaction says that it skips some: these do, and take the clock's milliseconds, so that no number has to be asked for,
and what was lost on the way stops nothing.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final, NamedTuple, Self, final

from typing_extensions import override

from xtrade.model.errors import CredentialsError
from xtrade.runtime.secrets import STARS, Secret
from xtrade.venues.lighter.transactions import BODIES, Attribute, TransactionType, text_hash, transaction_hash

__all__ = ["TOKEN_S", "LighterKey", "Signed"]

TOKEN_S: Final = 600
"""A token lives for this long, up to twice: the same one serves until then."""

_SECOND_NS: Final = 1_000_000_000
_MS_NS: Final = 1_000_000
_KEY_DIGITS: Final = 80
# The venue's own library says so of every transaction, and gives no choice.
_LIFE_MS: Final = 599_000


class Signed(NamedTuple):
    """A transaction as it is sent, and the hash that the venue knows it by."""

    kind: TransactionType
    info: Mapping[str, Any]
    hash: str


@final
class LighterKey:
    """One API key of one account. It shows itself as stars, and signs."""

    def __init__(self, account_index: int, api_key_index: int, private_key: Secret) -> None:
        self.account_index = account_index
        self.api_key_index = api_key_index
        self._private_key = private_key
        self._nonce = 0
        self._token = ("", 0)

    @classmethod
    def from_key(cls, fields: Mapping[str, Secret | str]) -> Self:
        """Take the fields that `xtrade keys add lighter` asks for."""
        text = {
            name: value.reveal() if isinstance(value, Secret) else value for name, value in fields.items()
        }
        key = text["private_key"].removeprefix("0x")
        try:
            if len(bytes.fromhex(key)) != _KEY_DIGITS // 2 or not int(key, 16):
                raise ValueError
            return cls(int(text["account_index"]), int(text["api_key_index"]), Secret(key))
        except ValueError:
            raise CredentialsError(
                "lighter: account_index and api_key_index are numbers, private_key is 80 hex digits:"
                " add the key anew with `xtrade keys add lighter`"
            ) from None

    @cached_property
    def _secret(self) -> int:
        from xtrade.venues.lighter.signing.schnorr import secret_number

        return secret_number(self._private_key.reveal())

    @cached_property
    def public_key(self) -> bytes:
        """The 40 bytes that the venue knows the key by."""
        from xtrade.venues.lighter.signing.schnorr import public_key

        return public_key(self._secret)

    def warm(self) -> None:
        """Compile what signs, now and not at the first order."""
        self.token(0)

    def transaction(
        self,
        now_ns: int,
        chain_id: int,
        kind: TransactionType,
        body: Mapping[str, Any],
        *,
        attributes: Mapping[Attribute, int] | None = None,
        until_ns: int | None = None,
    ) -> Signed:
        """Sign a transaction that is void after `until_ns`; one without a deadline is void after ten minutes."""
        from xtrade.venues.lighter.signing.schnorr import hash_bytes, sign

        now_ms = now_ns // _MS_NS
        void_ms = now_ms + _LIFE_MS
        self._nonce = max(self._nonce + 1, now_ms)
        info: dict[str, Any] = {"AccountIndex": self.account_index, "ApiKeyIndex": self.api_key_index}
        info |= {name: body[name] for name in BODIES[kind]}
        info["ExpiredAt"] = void_ms if until_ns is None else min(void_ms, until_ns // _MS_NS)
        info["Nonce"] = self._nonce
        info["Sig"] = ""  # in the venue's own order of keys, the attributes come last
        info["L2TxAttributes"] = {
            str(int(key)): value
            for key, value in sorted({Attribute.SKIP_NONCE: 1, **(attributes or {})}.items())
        }
        message = transaction_hash(chain_id, kind, info)
        info["Sig"] = base64.b64encode(sign(self._secret, message)).decode()
        return Signed(kind, info, hash_bytes(message).hex())

    def token(self, now_ns: int) -> str:
        """Return a token for private questions and topics."""
        from xtrade.venues.lighter.signing.schnorr import sign

        deadline_s = (now_ns // _SECOND_NS // TOKEN_S + 2) * TOKEN_S
        token, known_s = self._token
        if known_s != deadline_s:
            text = f"{deadline_s}:{self.account_index}:{self.api_key_index}"
            token = f"{text}:{sign(self._secret, text_hash(text)).hex()}"
            self._token = (token, deadline_s)
        return token

    @override
    def __repr__(self) -> str:
        return f"LighterKey({self.account_index}, {self.api_key_index}, {STARS!r})"
