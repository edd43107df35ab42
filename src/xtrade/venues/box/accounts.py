"""Who may trade on a box: accounts with keys that are made from a seed, so that anybody can be told them."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from xtrade.model.money import Money

__all__ = ["BoxAccount"]


class BoxAccount(Struct, frozen=True, kw_only=True):
    """One account. `key` holds the fields of its key by the names that `xtrade keys add` asks for.

    These keys open nothing but a box: they are shown to whoever starts it, and are no secrets.
    """

    name: str
    key: Mapping[str, str]
    balances: tuple[Money, ...]
