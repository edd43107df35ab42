"""How Backpack wants requests signed: an instruction by name, its parameters in order, and the time; Ed25519."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from xtrade.model.errors import CredentialsError
from xtrade.runtime.secrets import Secret
from xtrade.venues.backpack.spec import WINDOW_MS

__all__ = ["BackpackKey", "instruction", "signed_text", "value_text"]

_MS_NS: Final = 1_000_000
_SEED_BYTES: Final = 32


class BackpackKey:
    """A key pair: the public half names the account, the other one signs."""

    def __init__(self, api_key: str, private_key: Secret) -> None:
        self.api_key = api_key
        self._private = private_key

    @classmethod
    def from_key(cls, fields: Mapping[str, Secret]) -> BackpackKey:
        """Make it of the fields that `xtrade keys add backpack` asks for."""
        return cls(fields["api_key"].reveal(), fields["private_key"])

    def sign(self, text: str) -> str:
        """Sign a text; return base64."""
        return base64.b64encode(self._signer().sign(text.encode())).decode()

    def headers(self, pieces: str, now_ns: int) -> tuple[tuple[str, str], ...]:
        """Sign instructions at a time, as the headers of a request."""
        at = now_ns // _MS_NS
        return (
            ("X-API-Key", self.api_key),
            ("X-Signature", self.sign(signed_text(pieces, at))),
            ("X-Timestamp", str(at)),
            ("X-Window", str(WINDOW_MS)),
        )

    def subscription(self, now_ns: int) -> list[str]:
        """Sign a subscription to private streams: what stands beside its topics."""
        at = now_ns // _MS_NS
        return [self.api_key, self.sign(signed_text("instruction=subscribe", at)), str(at), str(WINDOW_MS)]

    def _signer(self) -> Ed25519PrivateKey:
        try:
            seed = base64.b64decode(self._private.reveal(), validate=True)[:_SEED_BYTES]
            return Ed25519PrivateKey.from_private_bytes(seed)
        except (binascii.Error, ValueError):
            raise CredentialsError(
                "backpack: private_key is no base64 of a 32-byte Ed25519 seed: add it anew with `xtrade keys add`"
            ) from None


def instruction(name: str, parameters: Mapping[str, object]) -> str:
    """Write one instruction as it is signed: its name, then its parameters in the order of their names."""
    return "&".join([f"instruction={name}", *_pairs(parameters)])


def signed_text(pieces: str, timestamp_ms: int, window_ms: int = WINDOW_MS) -> str:
    """Write what is signed: instructions, and the time for which they are good."""
    return f"{pieces}&timestamp={timestamp_ms}&window={window_ms}"


def value_text(value: object) -> str:
    """Write a value as it stands in the signed text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _pairs(parameters: Mapping[str, object]) -> Iterable[str]:
    return (f"{name}={value_text(parameters[name])}" for name in sorted(parameters))
