"""Toy: a request is signed by what it says and when it was said."""

import hashlib
import hmac

from xtrade.runtime.secrets import Secret


class Key:
    def __init__(self, api_key: str, secret: Secret) -> None:
        self.api_key = api_key
        self._secret = secret

    @classmethod
    def from_key(cls, fields):
        return cls(fields["api_key"].reveal(), fields["api_secret"])

    def sign(self, text: str) -> str:
        return sign(self._secret.reveal(), text)


def sign(secret: str, text: str) -> str:
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
