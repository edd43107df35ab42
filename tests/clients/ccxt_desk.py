"""A desk on the small bybit: what it hears is folded into the states of its orders, and every trade is counted."""

import asyncio
import traceback
from collections import Counter
from dataclasses import dataclass, field

from kit.bybit import API_KEY, API_SECRET, Bybit, serving
from xtrade.model.events import (
    BalanceReport,
    BookSnapshot,
    LinkDown,
    LinkUp,
    OrderEvent,
    OrderSent,
)
from xtrade.model.ids import ClientOrderId
from xtrade.model.order_state import OrderState, apply
from xtrade.model.orders import OrderIntent, OrderType
from xtrade.model.sides import Side
from xtrade.net.http import HttpOptions, Timeouts
from xtrade.net.memory.faults import CALM
from xtrade.net.memory.network import Network
from xtrade.runtime import clock
from xtrade.runtime.secrets import Secret
from xtrade.runtime.virtual import Unobserved, run_virtual
from xtrade.venues.abilities import Feed
from xtrade.venues.ccxt import CcxtVenue

PERPETUAL, SPOT = "bybit:BTC/USDT:USDT", "bybit:BTC/USDT"
KEYS = {"api_key": Secret(API_KEY), "api_secret": Secret(API_SECRET)}
HTTP = HttpOptions(timeouts=Timeouts(connect_ms=2_000, first_byte_ms=5_000, total_ms=10_000))


@dataclass
class Desk:
    bybit: Bybit
    venue: CcxtVenue
    network: Network
    heard: list = field(default_factory=list)
    states: dict = field(default_factory=dict)
    booked: Counter = field(default_factory=Counter)
    """Lots booked, by order: what a position would be made of."""

    def hear(self, events):
        for event in events:
            self.heard.append(event)
            if isinstance(event, OrderEvent):
                change = apply(self.states[event.client_order_id], event)
                self.states[event.client_order_id] = change.state
                self.booked[event.client_order_id] += change.booked.lots if change.booked else 0
                self.booked[event.client_order_id] -= change.unbooked.lots if change.unbooked else 0

    def intent(self, number=None, **more):
        terms = {
            "client_order_id": ClientOrderId(number or clock.now_ns() + len(self.states)),
            "instrument": PERPETUAL,
            "instrument_version": 1,
            "side": Side.BUY,
            "type": OrderType.LIMIT,
            "lots": 10,
            "ticks": 600_000,
            "decided_ns": clock.now_ns(),
        }
        return OrderIntent(**terms | more)

    def place(self, intent=None, **more):
        intent = intent or self.intent(**more)
        self.states[intent.client_order_id] = OrderState(intent=intent)
        self.venue.trading.place(intent)
        self.hear([OrderSent(client_order_id=intent.client_order_id)])
        return intent.client_order_id

    def state(self, number):
        return self.states[number]

    def of(self, *kinds):
        return [event for event in self.heard if isinstance(event, kinds)]

    @property
    def links(self):
        return [(type(event).__name__, event.channel) for event in self.of(LinkUp, LinkDown)]

    @property
    def books(self):
        return self.of(BookSnapshot)

    @property
    def balances(self):
        return {str(event.total): str(event.held) for event in self.of(BalanceReport)}


def run_forgiving(main, seed):
    """Run it, and overlook one failure that is not ours: aiohttp's server stumbles when a connection breaks while the
    head of a request is being read (its start() finds what connection_lost() has taken away).
    """
    told = []

    async def kept():
        told.append(await main())

    try:
        run_virtual(kept, seed=seed)
    except Unobserved as group:
        _, ours = group.split(_is_stumble)
        if ours is not None:
            raise ours from None
    return told[0]


def _is_stumble(error):
    frames = traceback.extract_tb(error.__traceback__)
    return (
        isinstance(error, TypeError)
        and bool(frames)
        and frames[-1].filename.endswith("aiohttp/web_protocol.py")
    )


async def quiet(network):
    """Let what is still on the wire arrive, and end what hangs: a server that goes first stumbles over both."""
    await asyncio.sleep(5)
    for connection in list(network.connections):
        connection.reset()
    await asyncio.sleep(1)


def on_desk(
    story,
    *,
    seed=1,
    plan=CALM,
    feeds=frozenset({Feed.BOOK}),
    instruments=(PERPETUAL,),
    prepare=lambda _: None,
    signed=True,
    **options,
):
    """Run `story(desk)` in virtual time, against a server of its own; return what it returns."""

    async def main():
        network = Network().bring()
        bybit = Bybit()
        prepare(bybit)
        async with serving(bybit) as address:
            venue = CcxtVenue(
                "bybit", secrets=KEYS if signed else None, address=address, http=HTTP, **options
            )
            await venue.load()
            desk = Desk(bybit, venue, network)
            for key in instruments:
                venue.market.subscribe(key, feeds)
            await venue.start(desk.hear)
            network.plan = plan
            try:
                return await story(desk)
            finally:
                await venue.stop()
                await quiet(network)

    return run_forgiving(main, seed)
