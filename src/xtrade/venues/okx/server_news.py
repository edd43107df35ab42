"""What a box of OKX tells without being asked again: what happened on the floor, topic by topic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from xtrade.model.events import (
    BalanceReport,
    BookDelta,
    Funding,
    MarkPrice,
    OrderAccepted,
    OrderCanceled,
    OrderEvent,
    OrderFilled,
    OrderRejected,
    PositionReport,
    Trade,
)
from xtrade.model.instruments import Instrument, Kind
from xtrade.sim.matching.tape import EVERYBODY, Notice, OrderTriggered
from xtrade.venues.box.floor import Floor, Slip
from xtrade.venues.okx import server_rows as write
from xtrade.venues.okx.server_answers import Answers, bar_ns
from xtrade.venues.okx.server_orders import Orders, text
from xtrade.venues.okx.server_refusals import Refusal
from xtrade.venues.okx.server_rows import Row, Running, kind_of, ms
from xtrade.venues.okx.server_stops import channel_of, is_asleep, stop_row, wake
from xtrade.venues.okx.server_streams import Audience, BookView, Client

__all__ = ["News"]

Form = Mapping[str, Any]

_SECOND_NS: Final = 10**9
_BOOK_ALIVE_NS: Final = 60 * _SECOND_NS
_ACCOUNT_NS: Final = 5 * _SECOND_NS
_FUNDING_NS: Final = 30 * _SECOND_NS
_BOOKS: Final[Mapping[str, int]] = {"books5": 5, "bbo-tbt": 1}
_BY_MARKET: Final = frozenset(
    {"books", "books5", "bbo-tbt", "trades", "trades-all", "tickers", "mark-price", "funding-rate"}
)
_ONLY_CONTRACTS: Final = frozenset({"mark-price", "funding-rate"})


class News:
    """Tells the audience of one box."""

    def __init__(self, floor: Floor, orders: Orders, answers: Answers, audience: Audience) -> None:
        self._floor, self._orders, self._answers, self._audience = floor, orders, answers, audience
        self._views: dict[str, BookView] = {}
        self._running: dict[int, Running] = {}
        self._traded: set[str] = set()
        self._bars: dict[str, int] = {}
        self._book_ns: dict[str, int] = {}
        self._account_ns = self._funding_ns = 0

    # -- subscriptions --------------------------------------------------------------------------------------------

    def check(self, arg: Form) -> None:
        """Refuse a topic that nothing is told of."""
        channel = text(arg, "channel")
        if channel in _BY_MARKET or channel.startswith("candle"):
            try:
                instrument = self._orders.market({"instId": text(arg, "instId")})
                if channel.startswith("candle"):
                    bar_ns(channel.removeprefix("candle"))
            except Refusal:
                instrument = None
            if instrument is None or (channel in _ONLY_CONTRACTS and instrument.kind is Kind.SPOT):
                shown = f"channel:{channel[:40]},instId:{text(arg, 'instId')[:40]}"
                raise Refusal("60018", f"Wrong URL or {shown} doesn't exist. Please use the correct URL.")

    def begin(self, client: Client, arg: Form) -> None:
        """Tell a new listener what there is."""
        channel = text(arg, "channel")
        instrument = next(iter(self._floor.natives.get(text(arg, "instId"), ())), None)
        if channel in {"account", "positions", "balance_and_position"}:
            self._whole(client, arg)
        elif channel == "instruments":
            client.tell(arg, self._answers.instruments("", arg))
        elif instrument is None:
            return
        elif channel == "books":
            client.tell(arg, [self._view(instrument).whole()], action="snapshot")
        elif rows := self._first(channel, instrument):
            client.tell(arg, rows)

    def _first(self, channel: str, instrument: Instrument) -> Sequence[Any]:
        """What a market's topic begins with."""
        if channel in _BOOKS:
            return [self._top(instrument, channel)]
        if channel.startswith("candle"):
            return self._bars_of(channel, instrument)[-1:]
        match channel:
            case "tickers":
                return [self._answers.ticker_row(instrument)]
            case "mark-price":
                return self._answers.marks("", {"instId": instrument.native})
            case "funding-rate":
                return self._answers.funding_rows(instrument)
            case _:
                return ()

    # -- what happened --------------------------------------------------------------------------------------------

    def tell(self, notices: Sequence[Notice]) -> None:
        """Tell what happened on the floor."""
        balances: dict[str, list[BalanceReport]] = {}
        positions: dict[str, list[PositionReport]] = {}
        for account, event in notices:
            if account == EVERYBODY:
                self._public(event)
            elif isinstance(event, OrderEvent):
                self._order(account, event)
            elif isinstance(event, OrderTriggered):
                self._wake(account, event)
            elif isinstance(event, BalanceReport):
                balances.setdefault(account, []).append(event)
            elif isinstance(event, PositionReport):
                positions.setdefault(account, []).append(event)
        for account in dict.fromkeys([*balances, *positions]):
            self._account(account, balances.get(account, []), positions.get(account, []))

    def tick(self, now_ns: int) -> None:
        """Tell what is told by the clock."""
        for name in self._audience.topics("books"):
            native = name.partition(":")[2]
            if now_ns - self._book_ns.setdefault(native, now_ns) >= _BOOK_ALIVE_NS:
                self._book_ns[native] = now_ns
                view = self._view(self._orders.market({"instId": native}))
                self._audience.publish("books", native, [view.alive()], action="update")
        traded, self._traded = self._traded, set()
        for native in traded:
            instrument = self._orders.market({"instId": native})
            if self._audience.is_heard(f"tickers:{native}"):
                self._audience.publish("tickers", native, [self._answers.ticker_row(instrument)])
            self._tell_bars(instrument)
        if now_ns - self._account_ns >= _ACCOUNT_NS:
            self._account_ns = now_ns
            for client in list(self._audience.clients.values()):
                self._again(client)
        if now_ns - self._funding_ns >= _FUNDING_NS:
            self._funding_ns = now_ns
            for name in self._audience.topics("funding-rate"):
                instrument = self._orders.market({"instId": name.partition(":")[2]})
                rows = self._answers.funding_rows(instrument)
                self._audience.publish("funding-rate", instrument.native, rows)

    # -- in public ------------------------------------------------------------------------------------------------

    def _public(self, event: object) -> None:
        if isinstance(event, BookDelta):
            self._book(event)
        elif isinstance(event, Trade):
            instrument = self._floor.instruments[event.instrument]
            self._traded.add(instrument.native)
            for channel in ("trades", "trades-all"):
                if self._audience.is_heard(f"{channel}:{instrument.native}"):
                    self._audience.publish(channel, instrument.native, [write.trade_row(event, instrument)])
        elif isinstance(event, MarkPrice):
            instrument = self._floor.instruments[event.instrument]
            self._audience.publish("mark-price", instrument.native, [write.mark_row(event, instrument)])
            name = f"{instrument.base}-{instrument.quote}"
            if self._audience.is_heard(f"index-tickers:{name}"):
                self._audience.publish("index-tickers", name, self._answers.index("", {"instId": name}))
        elif isinstance(event, Funding):
            instrument = self._floor.instruments[event.instrument]
            rows = self._answers.funding_rows(instrument)
            self._audience.publish("funding-rate", instrument.native, rows)

    def _book(self, event: BookDelta) -> None:
        view = self._views.get(event.instrument)
        if view is None:
            return
        native = view.instrument.native
        tops = {
            channel: view.whole(depth) for channel, depth in _BOOKS.items() if self._hears(channel, native)
        }
        row = view.take(event)
        if row is not None:
            self._audience.publish("books", native, [row], action="update")
        for channel, before in tops.items():
            now = view.whole(_BOOKS[channel])
            if (now["asks"], now["bids"]) != (before["asks"], before["bids"]):
                self._audience.publish(channel, native, [self._top(view.instrument, channel)])

    def _hears(self, channel: str, native: str) -> bool:
        return self._audience.is_heard(f"{channel}:{native}")

    def _view(self, instrument: Instrument) -> BookView:
        view = self._views.get(instrument.key)
        if view is None:
            book = self._floor.exchange.book(instrument.key)
            view = self._views[instrument.key] = BookView(instrument, book)
        return view

    def _top(self, instrument: Instrument, channel: str) -> Row:
        row = self._view(instrument).whole(_BOOKS[channel])
        return {name: row[name] for name in ("asks", "bids", "ts", "seqId")} | {"instId": instrument.native}

    def _tell_bars(self, instrument: Instrument) -> None:
        for name in self._audience.topics("candle*"):
            channel, _, native = name.partition(":")
            if native != instrument.native:
                continue
            bars = self._bars_of(channel, instrument)
            last = self._bars.get(name, 0)
            for bar in bars:
                if int(bar[0]) >= last:
                    self._audience.publish(channel, native, [bar])
            self._bars[name] = int(bars[-1][0]) if bars else last

    def _bars_of(self, channel: str, instrument: Instrument) -> list[list[str]]:
        """The last two bars, written."""
        length_ns = bar_ns(channel.removeprefix("candle"))
        now_ns = self._floor.now_ns
        bars = self._floor.chronicle.bars(instrument.key, length_ns, now_ns - 2 * length_ns, now_ns + 1)
        return [write.bar_row(bar, instrument, now_ns) for bar in bars]

    # -- to accounts ----------------------------------------------------------------------------------------------

    def _order(self, account: str, event: OrderEvent) -> None:
        slip = self._floor.slip(event.client_order_id)
        if slip is None:
            return
        if isinstance(event, OrderRejected):
            if event.code == "post_only":
                self._never_rested(account, slip, event)
            return
        running = write.after(self._running.get(slip.number, Running()), event)
        if isinstance(event, OrderFilled):
            self._running[slip.number] = running
        request = self._orders.requests.get(slip.number)
        if is_asleep(slip):
            self._tell_order(account, slip, stop_row(slip, event, request), channel_of(slip))
            return
        row = write.told_order(slip, event, running, request)
        if not slip.is_open and (row is None or row["state"] in {"filled", "canceled"}):
            self._running.pop(slip.number, None)
        if row is not None:
            self._tell_order(account, slip, row)

    def _never_rested(self, account: str, slip: Slip, event: OrderRejected) -> None:
        """Tell of a post-only order that would have taken as the venue does: it was taken, and then canceled."""
        self._orders.never_rested(slip)
        order, at_ns = event.client_order_id, event.venue_ns
        for told in (
            OrderAccepted(client_order_id=order, venue_ns=at_ns),
            OrderCanceled(client_order_id=order, venue_ns=at_ns, reason="post_only"),
        ):
            row = write.told_order(slip, told, Running(), None)
            assert row is not None, "the venue tells of both"
            self._tell_order(account, slip, row)

    def _wake(self, account: str, event: OrderTriggered) -> None:
        """Tell that a price has woken an order, and of the order that it is from now on."""
        slip = self._floor.slip(event.client_order_id)
        if slip is None:
            return
        wake(slip)
        self._tell_order(account, slip, stop_row(slip), channel_of(slip))
        placed = OrderAccepted(client_order_id=event.client_order_id, venue_ns=event.venue_ns)
        row = write.told_order(slip, placed, Running(), None)
        assert row is not None, "an order that is there is told of"
        self._tell_order(account, slip, row)

    def _tell_order(self, account: str, slip: Slip, row: Row, channel: str = "orders") -> None:
        for client in self._audience.of_account(account):
            for arg in client.listens(channel, slip.instrument, kind_of(slip.instrument)):
                client.tell({**arg, "uid": "614"}, [row])

    def _account(
        self, account: str, balances: Sequence[BalanceReport], positions: Sequence[PositionReport]
    ) -> None:
        clients = list(self._audience.of_account(account))
        if not clients:
            return
        details = [write.balance_row(each, self._floor.now_ns) for each in balances]
        rows = [
            self._answers.position_row(account, self._floor.instruments[each.instrument])
            for each in positions
        ]
        for client in clients:
            for arg in client.listens("account", None, "") if details else ():
                client.tell(
                    {**arg, "uid": "614"}, [self._answers.balance_told(details)], eventType="event_update"
                )
            for arg in client.listens("positions", None, "") if rows else ():
                client.tell({**arg, "uid": "614"}, rows, eventType="event_update")
            for arg in client.listens("balance_and_position", None, ""):
                client.tell({**arg, "uid": "614"}, [self._compact("filled", details, rows)])

    def _again(self, client: Client) -> None:
        """Tell the account again, to who has not asked for events alone."""
        for arg in list(client.topics.values()):
            if arg.get("channel") in {"account", "positions"} and '"0"' not in text(arg, "extraParams"):
                self._whole(client, arg)

    def _whole(self, client: Client, arg: Form) -> None:
        """Tell all that an account has, or holds."""
        account, more = client.account, {"eventType": "snapshot", "curPage": 1, "lastPage": True}
        shown = {**arg, "uid": "614"}
        balance = self._answers.balance(account, {})
        positions = self._answers.positions(account, {})
        match arg["channel"]:
            case "account":
                client.tell(shown, balance, **more)
            case "positions":
                client.tell(shown, positions, **more)
            case _:
                client.tell(shown, [self._compact("snapshot", balance[0]["details"], positions)])

    def _compact(self, event: str, details: Sequence[Row], positions: Sequence[Row]) -> Row:
        names = ("posId", "instId", "instType", "mgnMode", "posSide", "pos", "avgPx", "ccy", "uTime")
        return {
            "pTime": ms(self._floor.now_ns),
            "eventType": event,
            "balData": [{name: row[name] for name in ("ccy", "cashBal", "uTime")} for row in details],
            "posData": [{name: row[name] for name in names} for row in positions],
            "trades": [],
        }
