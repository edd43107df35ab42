"""One account at one venue of ccxt's, or its public data alone, behind the port.

venue = CcxtVenue("bybit", secrets={"api_key": ..., "api_secret": ...}, testnet=True)
await venue.load()                  # its markets; from here on it can be asked of them
await venue.start(hear)             # returns when orders can be sent
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any, Final

from msgspec.structs import replace
from typing_extensions import override

from xtrade.model.errors import Unavailable, VenueError
from xtrade.model.events import Event, InstrumentChanged, LinkDown
from xtrade.model.instruments import Instrument
from xtrade.net.http import HttpOptions
from xtrade.net.limits import Priority
from xtrade.runtime import clock
from xtrade.runtime.life import in_words
from xtrade.runtime.secrets import Secret
from xtrade.runtime.supervisor import Supervisor
from xtrade.venues.abilities import Abilities
from xtrade.venues.base import Account, Hear, MarketData, Trading, Venue
from xtrade.venues.ccxt.abilities import abilities_of, can_trade
from xtrade.venues.ccxt.feeds import Feeds
from xtrade.venues.ccxt.links import Links, log
from xtrade.venues.ccxt.markets import Listing, Market, listed
from xtrade.venues.ccxt.names import form_of
from xtrade.venues.ccxt.own_orders import OwnOrders
from xtrade.venues.ccxt.pace import Backoff, Pace
from xtrade.venues.ccxt.private import Keeper
from xtrade.venues.ccxt.questions import Questions
from xtrade.venues.ccxt.trading import CcxtTrading
from xtrade.venues.ccxt.wire import Wire

__all__ = ["CcxtVenue"]

_COMMANDS_S: Final = 2.0
"""At the stop, commands that are on their way have so long to be answered."""


class CcxtVenue(Venue):
    """Any venue that ccxt knows. Made as the settings say; nothing is asked of the venue before `load` or `start`."""

    def __init__(
        self,
        exchange_id: str,
        *,
        name: str | None = None,
        secrets: Mapping[str, Secret] | None = None,
        testnet: bool = False,
        address: str | None = None,
        options: Mapping[str, object] | None = None,
        http: HttpOptions | None = None,
        streams: bool = True,
        pace: Pace | None = None,
    ) -> None:
        """Set one up. `name` is its part of instrument keys; `options` are ccxt's own for this exchange.

        Without `streams` everything is asked for: for an exchange whose streams in ccxt cannot be relied on.
        """
        self._wire = Wire(
            exchange_id,
            name=name or exchange_id,
            secrets=secrets,
            testnet=testnet,
            address=address,
            options=options,
            http=http,
            streams=streams,
        )
        self._pace = pace or Pace()
        self._signed = bool(secrets)
        self._listing = Listing()
        self._abilities = Abilities()
        self._hear: Hear | None = None
        self._life: asyncio.Task[None] | None = None
        self._tasks: Supervisor | None = None
        self._streams: set[str] = set()
        self._commands: set[str] = set()
        self._commands_done = asyncio.Event()
        self._stopping = asyncio.Event()
        self._markets_doubted = asyncio.Event()
        self._own = OwnOrders(self._listing, form_of(exchange_id))
        self._questions = Questions(self._wire, self._own)
        self._links = Links(self.name, self._tell)
        self._keeper = Keeper(self._wire, self._own, self._questions, self._links, self._tell, self._pace)
        self._feeds = Feeds(
            self._wire,
            lambda: self._listing,
            self._links,
            tell=self._tell,
            care_for=self._care_for,
            off_grid=self._markets_doubted.set,
            pace=self._pace,
        )
        self._trading = CcxtTrading(
            self._wire,
            self._own,
            self._questions,
            tell=self._tell,
            is_connected=self._is_connected,
            start_task=self._command,
            care_for=self._care_for,
            wake=self._keeper.wake,
        )

    async def load(self) -> None:
        """Read the venue's markets; questions about them can be asked from here on."""
        await self._wire.open()
        try:
            markets = await self._wire.ask("markets", "load_markets", priority=Priority.DATA)
            self._listing = self._own.listing = listed(self.name, markets, self._wire.exchange.precisionMode)
            if not self.instruments:
                raise Unavailable(
                    f"{self.name}: ccxt lists no market that can be traded here",
                    venue=self.name,
                    request="markets",
                )
        except BaseException:
            await self._wire.close()
            raise
        self._abilities = abilities_of(self._wire, self._listing, self._own.form, signed=self._signed)

    # -- the port -------------------------------------------------------------------------------------------------

    @property
    @override
    def name(self) -> str:
        return self._wire.name

    @property
    @override
    def abilities(self) -> Abilities:
        return self._abilities

    @property
    @override
    def instruments(self) -> Mapping[str, Instrument]:
        return self._listing.instruments

    @property
    def left_out(self) -> Mapping[str, str]:
        """Why a market that ccxt lists is not among the instruments, by ccxt's name of it."""
        return self._listing.left_out

    @property
    @override
    def market(self) -> MarketData:
        return self._feeds

    @property
    @override
    def trading(self) -> Trading | None:
        return self._trading if self._signed and can_trade(self._wire) else None

    @property
    @override
    def account(self) -> Account | None:
        return self._questions if self._signed else None

    @override
    async def start(self, hear: Hear) -> None:
        if not self.instruments:
            await self.load()
        self._hear = hear
        if self._signed:
            # Asked once before anything runs: a key that opens nothing is an error here.
            await self._keeper.start()
            self._links.works("private", "questions")
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._life = asyncio.create_task(self._live(ready), name=f"{self.name}/life")
        await asyncio.wait({ready, self._life}, return_when=asyncio.FIRST_COMPLETED)
        if not ready.done():
            raise Unavailable(
                f"{self.name} did not start: the log says why", venue=self.name, request="start"
            )

    @override
    async def stop(self) -> None:
        self._hear = None
        self._stopping.set()
        if self._life is not None:
            await self._life
        await self._wire.close()

    # -- life -----------------------------------------------------------------------------------------------------

    async def _live(self, ready: asyncio.Future[None]) -> None:
        try:
            async with Supervisor(self.name) as self._tasks:
                self._feeds.start(self._start_task)
                self._start_task(self._watch_markets, "markets")
                if self._signed:
                    self._start_task(self._keeper.run, "account")
                    self._start_streams()
                ready.set_result(None)
                await self._stopping.wait()
                await self._commands_ended()
                await self._tasks.stop()
        except Exception as error:  # noqa: BLE001  (a mistake of ours must not end in silence: the venue is not heard any more)
            log().error("venue ended", venue=self.name, reason=in_words(error))
            self._tell(
                [
                    LinkDown(venue=self.name, channel=channel, reason=in_words(error))
                    for channel in ("public", "private")
                ]
            )

    def _care_for(self, market: Market) -> None:
        """Ask about the orders of a market, and listen to those of its kind."""
        self._wire.prefer(market.type, market.instrument.kind)
        self._questions.care_for(market)
        if self._tasks is not None and self._signed:
            self._start_streams()

    def _start_streams(self) -> None:
        for name, run in self._keeper.streams().items():
            if name not in self._streams:
                self._streams.add(name)
                self._start_task(run, name)

    async def _commands_ended(self) -> None:
        if self._commands:
            try:
                async with asyncio.timeout(_COMMANDS_S):
                    await self._commands_done.wait()
            except TimeoutError:
                log().warning("requests were cut off", venue=self.name, requests=sorted(self._commands))

    def _start_task(self, run: Callable[[], Coroutine[Any, Any, None]], name: str) -> None:
        assert self._tasks is not None, "tasks are started by a venue that lives"
        self._tasks.start(run, name=name)

    def _is_connected(self) -> bool:
        lives = self._tasks is not None and self._life is not None and not self._life.done()
        return lives and not self._stopping.is_set()

    def _command(self, run: Callable[[], Coroutine[Any, Any, None]], name: str) -> None:
        self._commands.add(name)
        self._commands_done.clear()
        self._start_task(partial(self._run_command, run, name), name)

    async def _run_command(self, run: Callable[[], Coroutine[Any, Any, None]], name: str) -> None:
        try:
            await run()
        except Exception as error:  # noqa: BLE001  (a mistake of ours about one order must not silence the venue)
            log().error("a command failed", venue=self.name, command=name, reason=in_words(error))
        finally:
            self._commands.discard(name)
            if not self._commands:
                self._commands_done.set()

    async def _watch_markets(self) -> None:
        """Read the markets again now and then, and when prices do not fit their grid: grids change while one trades."""
        backoff = Backoff(f"venues/{self.name}/markets", self._pace)
        while True:
            try:
                async with asyncio.timeout(self._pace.markets_s):
                    await self._markets_doubted.wait()
                # What does not fit its grid for another reason must not become a flood of questions.
                await asyncio.sleep(backoff.failed())
            except TimeoutError:
                backoff.worked()
            self._markets_doubted.clear()
            try:
                markets = await self._wire.ask("markets", "load_markets", True, priority=Priority.DATA)
            except VenueError as error:
                log().warning("no markets", venue=self.name, reason=str(error))
                continue
            later = listed(self.name, markets, self._wire.exchange.precisionMode)
            self._listing, changed = self._listing.renewed(later)
            self._own.listing = self._listing
            self._tell([InstrumentChanged(instrument=each.key, now=each) for each in changed])

    def _tell(self, events: Sequence[Event]) -> None:
        if self._hear is None or not events:
            return
        now_ns = clock.now_ns()
        self._hear([replace(event, received_ns=event.received_ns or now_ns) for event in events])
