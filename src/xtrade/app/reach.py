"""How a command reaches venues: the venue itself, its testnet, or a box, with keys where it trades.

    async with reached(["binance", "okx"], Way(at="box")) as there:
        there.venues["okx"].market
        there.failures["binance"]          # why it could not be reached, in one line

A command about several venues goes on with those that answer, and says what became of the others.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Annotated, Final, Literal, NamedTuple, cast

from cyclopts import Parameter

from xtrade.app.boxes import account_at, box_at, find_box, opened_boxes
from xtrade.app.choices import VenueName
from xtrade.app.output import note
from xtrade.model.errors import SymbolError, UsageError, XtradeError, did_you_mean
from xtrade.model.instruments import Instrument
from xtrade.ops.log_config import LogConfig
from xtrade.ops.logs import configure
from xtrade.runtime.secrets import Secret
from xtrade.symbols.symbol import Symbol
from xtrade.venues.base import Venue
from xtrade.venues.registry import CCXT, VENUES, Loaded, spec_of, venue_to
from xtrade.venues.spec import Environment

__all__ = [
    "AtFlag",
    "PairFlag",
    "Reached",
    "VenueFlag",
    "VenuesFlag",
    "Way",
    "instrument_of",
    "reached",
    "symbol_of",
    "venues_named",
]

# A box that is opened for one command alone has a little past, so that there is something to ask for.
_PAST_S: Final = 120

PairFlag = Annotated[
    str,
    Parameter(
        name="--pair",
        metavar="PAIR",
        help="The market: BTC-USDT or BTC/USDT for the pair, BTC/USDT:USDT for the perpetual.",
    ),
]
VenuesFlag = Annotated[
    str | None,
    Parameter(
        name=["--venues", "--venue"],
        metavar="VENUES",
        help="Venues, with commas between them; without it, all that xtrade speaks to.",
    ),
]
VenueFlag = Annotated[VenueName, Parameter(name="--venue", metavar="VENUE", help="The venue.")]
AtFlag = Annotated[
    str,
    Parameter(
        name="--at",
        metavar="WHERE",
        help="live, testnet, box (one that runs here, or one opened for this command), or a box's address.",
    ),
]


class Way(NamedTuple):
    """Where venues are to be reached: `at` is live, testnet, box, or http://HOST:PORT of a box."""

    at: str = "live"
    keyed: bool = False
    account: str = ""
    """Which key; without it the one that is called like the venue."""

    @property
    def environment(self) -> Environment:
        """Live, testnet, or a box."""
        if self.at.startswith("http"):
            return "box"
        if self.at not in {"live", "testnet", "box"}:
            raise UsageError(
                f"--at {self.at}: expected live, testnet, box or the address of a box (http://HOST:PORT)"
            )
        return cast("Literal['live', 'testnet', 'box']", self.at)


class Reached(NamedTuple):
    """Who answered, and why the others did not."""

    venues: dict[str, Loaded]
    failures: dict[str, XtradeError]

    def only(self) -> Loaded:
        """Return the one venue that was asked for, or raise why it could not be reached."""
        for error in self.failures.values():
            raise error
        return next(iter(self.venues.values()))


@asynccontextmanager
async def reached(names: Sequence[str], way: Way) -> AsyncIterator[Reached]:
    """Reach venues side by side; those that do not answer are among the failures."""
    environment = way.environment
    async with AsyncExitStack() as stack:
        # What went wrong is said once, by the answer; the wire's own words are for whoever asks for them.
        stack.enter_context(configure(_quiet(), run_id="hand"))
        links: dict[str, Loaded] = {}
        failures: dict[str, XtradeError] = {}
        if environment == "box":
            await _to_boxes(stack, names, way, links, failures)
        else:
            for name in names:
                try:
                    key = _key_of(name, way, environment) if way.keyed else None
                    links[name] = venue_to(
                        name, environment=environment, key=key, account=way.account or name
                    )
                except XtradeError as error:
                    failures[name] = error
        found = Reached({}, failures)
        for name, problem in zip(links, await asyncio.gather(*map(_loaded, links.values())), strict=True):
            if problem is None:
                found.venues[name] = links[name]
                stack.push_async_callback(links[name].stop)
            else:
                failures[name] = problem
        yield found


def _quiet() -> LogConfig:
    return LogConfig(level="debug" if os.environ.get("XTRADE_DEBUG") else "error")


def symbol_of(text: str) -> Symbol:
    """Read a market as people write it."""
    return Symbol.parse(text)


def venues_named(text: str | None) -> list[str]:
    """Read names of venues with commas between them; all venues where there are none."""
    if text is None:
        return list(VENUES)
    names = list(dict.fromkeys(part.strip().lower() for part in text.split(",") if part.strip()))
    for name in names:
        if not name.startswith(CCXT):
            spec_of(name)
    if not names:
        raise UsageError("--venues names no venue: expected some of " + ", ".join(VENUES))
    return names


def instrument_of(venue: Venue, symbol: Symbol) -> Instrument:
    """Return a venue's market of that symbol, or say which of the kind it has."""
    key = f"{venue.name}:{symbol}"
    found = venue.instruments.get(key)
    if found is None:
        near = [each.symbol for each in venue.instruments.values() if each.base == symbol.base]
        hint = f" It has {', '.join(sorted(near)[:6])}." if near else did_you_mean(key, venue.instruments)
        raise SymbolError(f"{venue.name} lists no {symbol}.{hint}")
    return found


async def _to_boxes(
    stack: AsyncExitStack,
    names: Sequence[str],
    way: Way,
    links: dict[str, Loaded],
    failures: dict[str, XtradeError],
) -> None:
    missing = []
    for name in names:
        try:
            box = await box_at(way.at, name) if way.at.startswith("http") else await find_box(name)
        except XtradeError as error:
            failures[name] = error
            continue
        if box is None:
            missing.append(name)
        else:
            links[name] = _boxed(name, box.address, box.key, way)
    if missing:
        note(
            f"No box of {' or '.join(missing)} runs here: one was opened for this command alone."
            f" `xtrade exchange --venue {','.join(missing)}` keeps it open."
        )
        boxes = await opened_boxes(stack, missing, past_s=_PAST_S)
        for opened in boxes:
            links[opened.venue] = _boxed(opened.venue, opened.address, opened.accounts[0].key, way)


def _boxed(name: str, address: str, key: object, way: Way) -> Loaded:
    fields = (
        {field: Secret(value) for field, value in cast("dict[str, str]", key).items()} if way.keyed else None
    )
    return venue_to(name, environment="box", address=address, key=fields, account=account_at(name, address))


def _key_of(name: str, way: Way, environment: Environment) -> dict[str, Secret]:
    from xtrade.app.credentials.record import AccountName
    from xtrade.app.credentials.sources import Sources

    meant: Literal["live", "testnet"] = "live" if environment == "live" else "testnet"
    found = Sources().find(AccountName.parse(way.account or name), meant_for=meant)
    return {field: Secret(value) for field, value in found.revealed().items()}


async def _loaded(venue: Loaded) -> XtradeError | None:
    try:
        await venue.load()
    except XtradeError as error:
        return error
    return None
