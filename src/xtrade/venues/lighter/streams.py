"""What is heard through the socket, as events: one reader for each channel.

The first message of a channel confirms the subscription. For books, positions, assets and open orders it is how things
stand; for trades it is history, which is not told again: what was missed of our own is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

import msgspec
from msgspec import UNSET

from xtrade.model.errors import XtradeError
from xtrade.model.events import (
    Event,
    Funding,
    MarkPrice,
    OrderAccepted,
    OrderAmended,
    OrderFilled,
    PositionReport,
)
from xtrade.model.instruments import Instrument, Kind
from xtrade.model.levels import Levels
from xtrade.model.numbers import number
from xtrade.model.sides import Side
from xtrade.venues.asks import Answer
from xtrade.venues.codec import Unread
from xtrade.venues.levels import counters, levels
from xtrade.venues.lighter import messages as wire
from xtrade.venues.lighter.memory import Change, Memory
from xtrade.venues.lighter.messages import BROKEN, Head, time_ns
from xtrade.venues.lighter.orders import changed_to, ending, lots_of, own
from xtrade.venues.lighter.rows import (
    HOUR_NS,
    balance,
    by_trade_id,
    fill,
    margin_terms,
    next_hour_ns,
    own_sides,
    percent,
    position,
    public_trade,
    venue_order_id,
)
from xtrade.venues.lighter.spec import CODES
from xtrade.venues.markets import Markets
from xtrade.venues.meanings import Meaning
from xtrade.venues.streams import (
    Answered,
    BookPart,
    Leaving,
    Missed,
    Refused,
    Said,
    SayBack,
    Subscribed,
)

__all__ = ["Streams"]

_ORDINARY: Final = "trade"
_HEAD: Final = msgspec.json.Decoder(Head)
_PONG: Final = b'{"type":"pong"}'
# Codes of transactions. An error without a name is of one of these, or of a subscription.
_OF_TRANSACTIONS: Final = range(21_000, 24_000)


class Heard(NamedTuple):
    """One message of a channel."""

    body: bytes
    channel: str
    first: bool
    received_ns: int

    @property
    def market(self) -> str:
        """The market in the channel's name."""
        return self.channel.partition(":")[2]


class NotListed(XtradeError):
    """A message is of a market that the listing did not have."""


class Streams:
    """Hears for one account (or none)."""

    def __init__(self, markets: Markets, memory: Memory, account: str, account_index: int | None) -> None:
        self._markets = markets
        self._memory = memory
        self._account = account
        self._account_index = account_index
        self._readers: Mapping[str, Callable[[Heard], Iterator[Said]]] = {
            "order_book": self._book,
            "trade": self._trades,
            "market_stats": self._stats,
            "spot_market_stats": self._stats,
            "account_all_orders": self._orders,
            "account_all_trades": self._fills,
            "account_all_positions": self._positions,
            "account_all_assets": self._assets,
        }

    def hear(self, payload: bytes, received_ns: int) -> list[Said | Unread]:
        """Say what a message means."""
        try:
            head = _HEAD.decode(payload)
            kind, _, topic = head.type.partition("/")
            if kind in {"subscribed", "update"}:
                reader = self._readers.get(topic)
                if reader is None:
                    return []
                return list(reader(Heard(payload, head.channel, kind == "subscribed", received_ns)))
            return list(_talk(head, payload, received_ns))
        except (XtradeError, *BROKEN) as broken:
            reason = (str(broken) or type(broken).__name__).partition("\n")[0][:200]
            return [Unread(reason)]

    def _instrument(self, market_id: int | str) -> Instrument:
        found = self._markets.native(str(market_id))
        if found is None:
            raise NotListed(f"market {str(market_id)[:20]!r} is not in the listing")
        return found

    # -- markets --------------------------------------------------------------------------------------------------

    def _book(self, heard: Heard) -> Iterator[Said]:
        message = _BOOK.decode(heard.body)
        instrument, book = self._instrument(heard.market), message.order_book
        if heard.first:
            yield _confirmed(heard)
            best = next(iter(book.asks or book.bids or ()), None)
            if best is not None:
                self._memory.ticks[instrument.key] = instrument.ticks(best.price)
        yield BookPart(
            instrument=instrument.key,
            bids=_levels(book.bids, instrument),
            asks=_levels(book.asks, instrument),
            whole=heard.first,
            last=book.nonce,
            previous=book.begin_nonce,
            venue_ns=time_ns(book.last_updated_at),
            received_ns=heard.received_ns,
        )

    def _trades(self, heard: Heard) -> Iterator[Said]:
        if heard.first:
            yield _confirmed(heard)
            return
        message = _TRADES.decode(heard.body)
        rows = [*(message.trades or ()), *(message.liquidation_trades or ())]
        for row in sorted(rows, key=by_trade_id):
            instrument = self._instrument(row.market_id)
            ticks, _ = counters(instrument)
            self._memory.ticks[instrument.key] = ticks(row.price)
            yield public_trade(row, instrument, heard.received_ns)

    def _stats(self, heard: Heard) -> Iterator[Said]:
        message = _STATS.decode(heard.body)
        if heard.first:
            yield _confirmed(heard)
        stats = message.market_stats or message.spot_market_stats
        if stats is None:
            return
        instrument, at_ns = self._instrument(stats.market_id), time_ns(message.timestamp)
        price = stats.mark_price or stats.last_trade_price
        if price:
            self._memory.ticks[instrument.key] = instrument.ticks(price, toward="nearest")
        if instrument.kind is Kind.SPOT:
            return
        if stats.mark_price:
            yield MarkPrice(
                instrument=instrument.key,
                mark=number(stats.mark_price),
                index=number(stats.index_price) if stats.index_price else None,
                venue_ns=at_ns,
                received_ns=heard.received_ns,
            )
        if stats.current_funding_rate:
            yield Funding(
                instrument=instrument.key,
                rate=percent(stats.current_funding_rate),
                next_ns=None if at_ns is None else next_hour_ns(at_ns),
                interval_ns=HOUR_NS,
                venue_ns=at_ns,
                received_ns=heard.received_ns,
            )

    # -- the account ----------------------------------------------------------------------------------------------

    def _orders(self, heard: Heard) -> Iterator[Said]:
        message = _ORDERS.decode(heard.body)
        if heard.first:
            yield _confirmed(heard)
        rows = [row for of_market in (message.orders or {}).values() for row in of_market or ()]
        # One message may hold several states of one order.
        for row in sorted(rows, key=_change_time):
            yield from self._order(row, heard.received_ns)

    def _order(self, row: wire.Order, received_ns: int) -> Iterator[Event]:
        client_order_id = own(row.client_order_index)
        if client_order_id is None:
            return  # entered elsewhere, without a name
        instrument = self._instrument(row.market_index)
        _, filled_lots = lots_of(row, instrument)
        over = ending(row, client_order_id, filled_lots, received_ns)
        if over is not None:
            self._memory.ended(client_order_id)
            yield over
            return
        name, at_ns = str(row.order_index), time_ns(row.updated_at or row.timestamp)
        yield OrderAccepted(
            client_order_id=client_order_id, venue_order_id=name, venue_ns=at_ns, received_ns=received_ns
        )
        lots, ticks = changed_to(row, instrument)
        change = self._memory.shown(client_order_id, Change(lots, ticks), changed=row.order_version > 0)
        if change is not None:
            yield OrderAmended(
                client_order_id=client_order_id,
                venue_order_id=name,
                venue_ns=at_ns,
                sequence=row.nonce,
                lots=lots,
                ticks=ticks,
                request=change.request or None,
                received_ns=received_ns,
            )

    def _fills(self, heard: Heard) -> Iterator[Said]:
        if heard.first:
            yield _confirmed(heard)
            return
        message = _OWN_TRADES.decode(heard.body)
        rows = [row for of_market in (message.trades or {}).values() for row in of_market or ()]
        for row in sorted(rows, key=by_trade_id):
            instrument = self._instrument(row.market_id)
            for side in own_sides(row, self._account_index):
                client_order_id = own(row.ask_client_id if side is Side.SELL else row.bid_client_id)
                if client_order_id is None:
                    if row.type != _ORDINARY:  # an ordinary one is of an order that was entered elsewhere
                        yield Missed(f"a {row.type} of {instrument.key}, which no order of ours made")
                    continue
                yield OrderFilled(
                    client_order_id=client_order_id,
                    venue_order_id=venue_order_id(row, side),
                    venue_ns=row.at_ns,
                    fill=fill(row, side, instrument),
                    received_ns=heard.received_ns,
                )

    def _positions(self, heard: Heard) -> Iterator[Said]:
        message = _POSITIONS.decode(heard.body)
        if heard.first:
            yield _confirmed(heard)
        reports = []
        for row in (message.positions or {}).values():
            instrument = self._instrument(row.market_id)
            self._memory.terms |= margin_terms(row, instrument)
            reports.append(position(row, instrument, self._account, heard.received_ns))
        yield from reports
        held = {report.instrument for report in reports if report.lots}
        told = {report.instrument for report in reports}
        if heard.first:
            # All that there is: what was held and is not among it is flat. Later messages may be of some markets alone.
            for key in sorted(self._memory.held - told):
                yield PositionReport(
                    account=self._account, instrument=key, lots=0, received_ns=heard.received_ns
                )
            self._memory.held = held
        else:
            self._memory.held = (self._memory.held - told) | held

    def _assets(self, heard: Heard) -> Iterator[Said]:
        message = _ASSETS.decode(heard.body)
        if heard.first:
            yield _confirmed(heard)
        for row in (message.assets or {}).values():
            yield balance(row, self._account, time_ns(message.timestamp), heard.received_ns)


_BOOK: Final = msgspec.json.Decoder(wire.BookMessage)
_TRADES: Final = msgspec.json.Decoder(wire.TradesMessage)
_STATS: Final = msgspec.json.Decoder(wire.StatsMessage)
_ORDERS: Final = msgspec.json.Decoder(wire.OrdersMessage)
_OWN_TRADES: Final = msgspec.json.Decoder(wire.TradesOfMarkets)
_POSITIONS: Final = msgspec.json.Decoder(wire.PositionsMessage)
_ASSETS: Final = msgspec.json.Decoder(wire.AssetsMessage)


def _talk(head: Head, payload: bytes, received_ns: int) -> Iterator[Said]:
    """Say what a message of no channel means."""
    if head.type == "ping":
        yield SayBack(_PONG)
    elif head.type == "shutdown":
        yield Leaving(max(0, head.close_in_ms), "the venue restarts")
    elif head.type.startswith("jsonapi/") or head.error is not UNSET or head.code is not None:
        yield from _answer(head, payload, received_ns)


class _Answer(msgspec.Struct):
    id: str | int | None = None
    code: int | None = None
    message: str | None = None
    tx_hash: str | list[str] | None = None


_ANSWER: Final = msgspec.json.Decoder(_Answer)


def _answer(head: Head, payload: bytes, received_ns: int) -> Iterator[Said]:
    """Read the answer to a transaction, which may be wrapped, and which names itself by an id, a hash or not at all."""
    outer = _ANSWER.decode(payload)
    inner, body = outer, payload
    for wrapped in (head.error, head.data):
        if wrapped is not UNSET:
            body = bytes(wrapped)
            inner = _ANSWER.decode(body)
            break
    first_hash = inner.tx_hash or outer.tx_hash
    if isinstance(first_hash, list):
        first_hash = first_hash[0] if first_hash else None
    name = str(outer.id or inner.id or first_hash or "")
    code = inner.code if inner.code is not None else outer.code
    if not name and not head.type and code not in _OF_TRANSACTIONS:
        # It does not say which subscription. One that has no market is done with; one that proves nothing is not, and
        # the line is no line without it.
        told = "" if code is None else str(code)
        unnamed = CODES.get(told) is Meaning.KEY
        yield Refused(("a private topic",) if unnamed else (), told, inner.message or "")
        return
    ok = code == 200 and head.error is UNSET
    yield Answered(name, Answer(200 if ok else 400, body, received_ns))


def _confirmed(heard: Heard) -> Subscribed:
    return Subscribed((heard.channel.replace(":", "/"),))


def _levels(rows: list[wire.Level] | None, instrument: Instrument) -> Levels:
    return levels(((row.price, row.size) for row in rows or ()), instrument)


def _change_time(row: wire.Order) -> tuple[int, int]:
    return row.updated_at or row.timestamp, row.nonce
