"""The configuration as one type: every option, its bounds, its default and its sentence of documentation.

The reader, the starter file, the JSON schema and the table in the docs are all made from these classes, so an
option is added here and nowhere else, and only together with the code that reads it. A section is one line in
`Config`. Things that repeat have names (`[venues.NAME]`), never positions: then every layer can speak of them.

Beside `description` and `examples`, an option may say in `Meta(extra=...)`:
  expects   the words for "expected ..." where the type alone does not tell
  known     the words that a misspelt value is compared with
  private   True: a wrong value is never repeated, because a secret may have been put there by mistake
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from xtrade.ops.log_config import LogConfig
from xtrade.symbols.patterns import VENUES

__all__ = ["Config", "EngineConfig", "VenueConfig", "contradictions"]

# Environment variables are written in capitals, with two underscores between the words of a key: a name that
# follows this pattern can be written there, and comes back the same.
AccountName = Annotated[
    str,
    Meta(
        pattern="^[a-z][a-z0-9]*(_[a-z0-9]+)*$",
        extra={"expects": "a name of small letters, digits and single underscores"},
    ),
]

# A name, not a key: shorter than what venues hand out, and no run of 20 hexadecimal digits.
EntryName = Annotated[str, Meta(pattern=r"^(?![0-9a-f]{20})[a-z][a-z0-9_:]{0,23}(\.[a-z0-9_]{1,24})?$")]


class EngineConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a run does with orders."""

    mode: Annotated[
        Literal["paper", "live", "backtest"],
        Meta(
            description="paper fills orders here, on live data; backtest on recorded data; live sends them to the"
            " venues."
        ),
    ] = "paper"
    seed: Annotated[
        int,
        Meta(ge=0, le=2**32 - 1, description="What every random stream of a run starts from."),
    ] = 0


class VenueConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One account at one venue; the name after `venues.` is what you call it."""

    venue: Annotated[
        str,
        Meta(
            pattern=f"^({'|'.join(VENUES)}|ccxt:[a-z0-9]+)$",
            description="The venue where this account is.",
            examples=["okx"],
            extra={
                "expects": f"one of {', '.join(VENUES)}, or ccxt:NAME for another venue of ccxt's",
                "known": VENUES,
            },
        ),
    ]
    environment: Annotated[
        Literal["live", "testnet", "box"],
        Meta(
            description="live is the venue itself, testnet its test system, box a local exchange in a box."
            " Real money is never meant by silence.",
            examples=["testnet"],
        ),
    ]
    key: Annotated[
        EntryName | None,
        Meta(
            description="The keys that sign for this account; without them the account reads public data only.",
            examples=["okx"],
            extra={
                "expects": "a name that `xtrade keys list` shows, as okx or okx.sub1, never the key itself",
                "private": True,
            },
        ),
    ] = None


class Config(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The configuration of xtrade."""

    engine: EngineConfig = field(default_factory=EngineConfig)
    venues: dict[AccountName, VenueConfig] = field(default_factory=dict)
    log: LogConfig = field(default_factory=LogConfig)


def contradictions(config: Config) -> Iterator[tuple[tuple[str, ...], str]]:
    """Say what is wrong although every option is right for itself: the key to look at, and the sentence."""
    if config.engine.mode == "live" and not any(
        account.key is not None or account.environment == "box" for account in config.venues.values()
    ):
        text = "live needs an account that can trade: add [venues.NAME] and give it a key (`xtrade keys add VENUE`)"
        yield ("engine", "mode"), text
    for name, account in config.venues.items():
        # Only the venue is named: what stands there may be a secret.
        venue = account.venue.removeprefix("ccxt:")
        if account.key is not None and account.key.removeprefix("ccxt:").partition(".")[0] != venue:
            text = (
                f"the key is of another venue: expected {venue}, or {venue}.LABEL as `xtrade keys"
                " list` shows it"
            )
            yield ("venues", name, "key"), text
