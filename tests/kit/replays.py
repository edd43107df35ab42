"""Small tapes to replay, and what a strategy does on them, written as data."""

from typing import NamedTuple

from kit.markets import instrument
from xtrade.model.events import OrderAccepted, OrderFilled
from xtrade.model.ids import ClientOrderId
from xtrade.model.orders import OrderIntent, OrderType, TimeInForce
from xtrade.model.sides import Side
from xtrade.sim.replay.models import Assumptions
from xtrade.sim.replay.replay import Reason, Replay
from xtrade.sim.replay.tape import Happening, Tape

MARKET = instrument()
BUY, SELL = 0, 1


class Do(NamedTuple):
    """One request of a strategy at a local time."""

    ns: int
    what: str
    name: int
    side: Side = Side.BUY
    ticks: int | None = None
    lots: int = 0
    style: str = "gtc"
    market: int = 0


def level(ns, side, ticks, lots, heard=None):
    return (ns if heard is None else heard, ns, Happening.LEVEL, side, ticks, lots)


def trade(ns, taker, ticks, lots, heard=None):
    return (ns if heard is None else heard, ns, Happening.TRADE, taker, ticks, lots)


def mark(ns, kind, side=0, ticks=0, lots=0):
    return (ns, ns, kind, side, ticks, lots)


def tape(rows, market=MARKET, **more):
    names = ("local_ns", "venue_ns", "kind", "side", "ticks", "lots")
    columns = zip(*rows, strict=True) if rows else [()] * 6
    import numpy as np

    return Tape.from_columns(
        market,
        **{name: np.array(column, np.int64) for name, column in zip(names, columns, strict=True)},
        **more,
    )


def intent(do, market=MARKET):
    return OrderIntent(
        client_order_id=ClientOrderId(do.name),
        instrument=market.key,
        instrument_version=market.version,
        side=do.side,
        type=OrderType.MARKET if do.style == "market" else OrderType.LIMIT,
        lots=do.lots,
        ticks=do.ticks,
        time_in_force=TimeInForce(do.style) if do.style in {"ioc", "fok"} else TimeInForce.GTC,
        post_only=do.style == "post_only",
    )


def run(played, doings, assumptions=None, markets=(MARKET,), **sizes):
    """Play a tape with a strategy that does these things at these times; return the replay and all reports."""
    replay = Replay(played, assumptions or Assumptions(), **sizes)
    told = []
    for do in [*sorted(doings, key=lambda do: do.ns), None]:
        until = 2**62 if do is None else do.ns
        while True:
            reasons = replay.advance(until)
            told += replay.reports()
            if reasons & (Reason.TIME | Reason.END):
                break
        if do is None:
            continue
        if do.what == "place":
            replay.place(intent(do, markets[do.market]))
        elif do.what == "cancel":
            replay.cancel(do.name)
        else:
            replay.amend(do.name, lots=do.lots, ticks=do.ticks)
    while not replay.advance(2**62) & Reason.END:
        told += replay.reports()
    return replay, told


def fills(told):
    """(order, ticks, lots, maker, venue time) of each fill."""
    return [
        (event.client_order_id, event.fill.ticks, event.fill.lots, event.fill.maker, event.venue_ns)
        for event in told
        if isinstance(event, OrderFilled)
    ]


def received(told):
    """(order, ticks, lots, maker, venue time, local time) of each fill, as kit.naive_replay has them."""
    found = [event for event in told if isinstance(event, OrderFilled)]
    return [(*fill, event.received_ns) for fill, event in zip(fills(found), found, strict=True)]


def story(told):
    """Each report in a word, with the time we heard it."""
    words = {"OrderAccepted": "accepted", "OrderFilled": "filled", "OrderCanceled": "canceled"}
    return [(words.get(type(event).__name__, type(event).__name__), event.received_ns) for event in told]


__all__ = [
    "BUY",
    "MARKET",
    "SELL",
    "Do",
    "OrderAccepted",
    "fills",
    "intent",
    "level",
    "mark",
    "received",
    "run",
    "story",
    "tape",
    "trade",
]
