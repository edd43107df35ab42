"""What a box of OKX answers when asked: of markets in public, and of accounts.

Whatever comes in pages is told newest first; `after` asks for what is older than a row, `before` for what is newer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, TypeVar

from xtrade.model.durations import duration_ns
from xtrade.model.errors import XtradeError
from xtrade.model.instruments import Instrument, Kind
from xtrade.model.numbers import plain
from xtrade.venues.box.floor import Floor, Slip
from xtrade.venues.okx import server_rows as write
from xtrade.venues.okx.server_orders import Orders, text
from xtrade.venues.okx.server_refusals import Refusal, bad
from xtrade.venues.okx.server_rows import Row, kind_of, ms
from xtrade.venues.okx.server_stops import is_asleep

__all__ = ["Answers", "bar_ns"]

T = TypeVar("T")
Form = Mapping[str, Any]

_MS_NS: Final = 1_000_000
_MINUTE_NS: Final = 60 * 10**9
_FAR_NS: Final = 1 << 62
_BAND: Final = Decimal("0.05")


def bar_ns(name: str) -> int:
    """Return how long a bar of this name is; Refusal for one that there is not."""
    try:
        length_ns = duration_ns(name.removesuffix("utc").lower())
    except XtradeError:
        raise bad("bar") from None
    if name.removesuffix("utc")[-1:] not in {"m", "H", "D", "W"} or length_ns % _MINUTE_NS:
        raise bad("bar")
    return length_ns


class Answers:
    """Who answers what, over one floor."""

    def __init__(self, floor: Floor, orders: Orders, now_ns: Callable[[], int]) -> None:
        self._floor, self._orders, self._now_ns = floor, orders, now_ns

    # -- markets --------------------------------------------------------------------------------------------------

    def time(self, _: str, __: Form) -> list[Row]:
        """The venue's clock."""
        return [{"ts": ms(self._now_ns())}]

    def instruments(self, _: str, form: Form) -> list[Row]:
        """The markets of one kind."""
        section = text(form, "instType")
        if not section:
            raise bad("instType")
        return [
            write.instrument_row(each, self._orders.codes[each.key])
            for each in self._floor.instruments.values()
            if kind_of(each) == section and form.get("instId", each.native) == each.native
        ]

    def book(self, _: str, form: Form) -> list[Row]:
        """A book as it is."""
        instrument = self._orders.market(form)
        depth = _whole(form, "sz", 1, most=400)
        book = self._floor.exchange.book(instrument.key)
        return [
            {
                "asks": write.level_rows(list(book.asks)[:depth], instrument),
                "bids": write.level_rows(list(book.bids)[:depth], instrument),
                "ts": ms(self._floor.now_ns),
                "seqId": book.sequence,
            }
        ]

    def trades(self, _: str, form: Form) -> list[Row]:
        """The last trades."""
        instrument = self._orders.market(form)
        found = self._floor.chronicle.trades(instrument.key, _whole(form, "limit", 100, most=500))
        return [write.trade_row(trade, instrument) for trade in reversed(found)]

    def bars(self, _: str, form: Form) -> list[list[str]]:
        """Bars."""
        instrument = self._orders.market(form)
        length_ns = bar_ns(text(form, "bar") or "1m")
        found = self._floor.chronicle.bars(instrument.key, length_ns, 0, _FAR_NS)
        cut = _cut(form, list(reversed(found)), lambda bar: bar.start_ns // _MS_NS, limit=100, most=300)
        return [write.bar_row(bar, instrument, self._floor.now_ns) for bar in cut]

    def ticker(self, _: str, form: Form) -> list[Row]:
        """What a market was last seen at, or all of a kind."""
        if "instId" in form:
            return [self.ticker_row(self._orders.market(form))]
        section = text(form, "instType")
        return [
            self.ticker_row(each) for each in self._floor.instruments.values() if kind_of(each) == section
        ]

    def ticker_row(self, instrument: Instrument) -> Row:
        """Write what a market was last seen at."""
        book = self._floor.exchange.book(instrument.key)
        chronicle = self._floor.chronicle
        last = chronicle.last_trade(instrument.key)
        day = chronicle.bars(instrument.key, _MINUTE_NS, self._floor.now_ns - 1_440 * _MINUTE_NS, _FAR_NS)

        def price(ticks: int | None) -> str:
            return "" if ticks is None else plain(instrument.price(ticks))

        bid, ask = next(iter(book.bids), (None, 0)), next(iter(book.asks), (None, 0))
        opened = price(day[0].open_ticks if day else None)
        volume = plain(instrument.quantity(sum(bar.volume_lots for bar in day)))
        return {
            "instType": kind_of(instrument),
            "instId": instrument.native,
            "last": price(None if last is None else last.ticks),
            "lastSz": "" if last is None else plain(instrument.quantity(last.lots)),
            "askPx": price(ask[0]),
            "askSz": plain(instrument.quantity(ask[1])),
            "bidPx": price(bid[0]),
            "bidSz": plain(instrument.quantity(bid[1])),
            "open24h": opened,
            "high24h": price(max((bar.high_ticks for bar in day), default=None)),
            "low24h": price(min((bar.low_ticks for bar in day), default=None)),
            "vol24h": volume,
            "volCcy24h": volume,
            "sodUtc0": opened,
            "sodUtc8": opened,
            "ts": ms(self._floor.now_ns),
        }

    def marks(self, _: str, form: Form) -> list[Row]:
        """Mark prices."""
        return [
            write.mark_row(mark, instrument)
            for instrument in self._contracts(form)
            if (mark := self._floor.chronicle.marks.get(instrument.key)) is not None
        ]

    def index(self, _: str, form: Form) -> list[Row]:
        """Index prices; an index is called as its pair."""
        wanted = text(form, "instId")
        found: dict[str, Row] = {}
        for key, mark in self._floor.chronicle.marks.items():
            instrument = self._floor.instruments[key]
            name = f"{instrument.base}-{instrument.quote}"
            if wanted in {"", name} and mark.index is not None:
                price = plain(mark.index)
                found[name] = {"instId": name, "idxPx": price, "high24h": price, "low24h": price}
                found[name] |= {"open24h": price, "sodUtc0": price, "sodUtc8": price, "ts": ms(mark.venue_ns)}
        return list(found.values())

    def funding(self, _: str, form: Form) -> list[Row]:
        """The running funding periods."""
        instruments = (
            self._contracts({})
            if form.get("instId") == "ANY"
            else [self._contract(self._orders.market(form))]
        )
        return [row for each in instruments for row in self.funding_rows(each)]

    def funding_rows(self, instrument: Instrument) -> list[Row]:
        """Write the running funding period of a market."""
        running = self._floor.chronicle.fundings.get(instrument.key)
        if running is None:
            return []
        settled = self._floor.chronicle.settlements(instrument.key, 0, _FAR_NS)
        return [write.funding_row(running, instrument, settled[-1].rate if settled else None)]

    def funding_history(self, _: str, form: Form) -> list[Row]:
        """What was settled."""
        instrument = self._contract(self._orders.market(form))
        settled = list(reversed(self._floor.chronicle.settlements(instrument.key, 0, _FAR_NS)))
        cut = _cut(form, settled, lambda each: each.at_ns // _MS_NS, limit=100, most=400)
        return [
            {
                "instType": "SWAP",
                "instId": instrument.native,
                "fundingRate": plain(each.rate.rate),
                "realizedRate": plain(each.rate.rate),
                "fundingTime": ms(each.at_ns),
                "method": "current_period",
                "formulaType": "withRate",
            }
            for each in cut
        ]

    def price_limit(self, _: str, form: Form) -> list[Row]:
        """How far from the market a price may lie, as the venue would say it; a box lets every price stand."""
        instrument = self._orders.market(form)
        last = self._floor.chronicle.last_trade(instrument.key)
        if last is None:
            return []
        away = int(last.ticks * _BAND)
        return [
            {
                "instType": kind_of(instrument),
                "instId": instrument.native,
                "buyLmt": plain(instrument.price(last.ticks + away)),
                "sellLmt": plain(instrument.price(max(1, last.ticks - away))),
                "ts": ms(self._floor.now_ns),
                "enabled": True,
            }
        ]

    # -- accounts -------------------------------------------------------------------------------------------------

    def config(self, account: str, _: Form) -> list[Row]:
        """How an account is set up."""
        return [
            {
                "acctLv": "2",
                "posMode": "net_mode",
                "acctStpMode": "cancel_maker",
                "autoLoan": False,
                "uid": "614",
                "mainUid": "614",
                "label": account,
                "level": "Lv1",
                "perm": "read_only,trade",
                "settleCcy": "USDT",
                "settleCcyList": ["USDT", "USDC"],
            }
        ]

    def balance(self, account: str, form: Form) -> list[Row]:
        """What an account has."""
        wanted = {name for name in text(form, "ccy").split(",") if name}
        at_ns = self._floor.now_ns
        found = [
            self._floor.exchange.balance(account, currency)
            for currency in self._floor.currencies()
            if not wanted or currency in wanted
        ]
        details = [write.balance_row(each, at_ns) for each in found if each.total or each.held or wanted]
        return [self.balance_told(details)]

    def balance_told(self, details: Sequence[Row]) -> Row:
        """Write an account with some of its currencies."""
        return {
            "uTime": ms(self._floor.now_ns),
            "totalEq": "",
            "adjEq": "",
            "imr": "",
            "mmr": "",
            "mgnRatio": "",
            "upl": "",
            "details": list(details),
        }

    def positions(self, account: str, form: Form) -> list[Row]:
        """What an account holds."""
        wanted = {name for name in text(form, "instId").split(",") if name}
        if text(form, "instType") not in {"", "SWAP"}:
            return []
        return [
            self.position_row(account, each)
            for each in self._contracts({})
            if (not wanted or each.native in wanted) and self._floor.exchange.position(account, each.key).lots
        ]

    def position_row(self, account: str, instrument: Instrument) -> Row:
        """Write what an account holds of a market."""
        key = instrument.key
        return write.position_row(
            self._floor.exchange.position(account, key),
            instrument,
            mark=self._floor.chronicle.marks.get(key),
            liquidation=self._floor.exchange.liquidation_price(account, key),
            mode=self._orders.mode(account, key),
            leverage=self._orders.leverage(account, key),
            at_ns=self._floor.now_ns,
        )

    def fees(self, _: str, form: Form) -> list[Row]:
        """What an account pays."""
        section = text(form, "instType")
        instrument = next(
            (each for each in self._floor.instruments.values() if kind_of(each) == section), None
        )
        if instrument is None:
            raise bad("instType")
        # Here, what is paid is below zero.
        maker, taker = (plain((-fee) or Decimal(0)) for fee in (instrument.maker_fee, instrument.taker_fee))
        is_spot = section == "SPOT"
        return [
            {
                "instType": section,
                "level": "Lv1",
                "maker": maker if is_spot else "",
                "taker": taker if is_spot else "",
                "makerU": "" if is_spot else maker,
                "takerU": "" if is_spot else taker,
                "makerUSDC": "",
                "takerUSDC": "",
                "feeGroup": [{"groupId": "1", "maker": maker, "taker": taker}],
                "ts": ms(self._now_ns()),
            }
        ]

    def leverage(self, account: str, form: Form) -> list[Row]:
        """How thinly markets are margined."""
        return [
            {
                "instId": native,
                "mgnMode": text(form, "mgnMode"),
                "posSide": "net",
                "lever": self._orders.leverage(account, self._orders.market({"instId": native}).key),
                "ccy": "",
            }
            for native in text(form, "instId").split(",")
        ]

    def currencies(self, _: str, __: Form) -> list[Row]:
        """What there is to be held; nothing of it moves in or out."""
        return [
            {"ccy": each, "name": each, "chain": f"{each}-Box", "canDep": False, "canWd": False, "canInternal": False,
             "mainNet": True, "minWd": "0", "maxWd": "0", "minFee": "0", "maxFee": "0", "wdTickSz": "8"}
            for each in self._floor.currencies()
        ]  # fmt: skip

    def order(self, account: str, form: Form) -> list[Row]:
        """One order."""
        self._orders.market(form)
        slip = self._orders.find(account, form)
        if slip is None:
            raise Refusal("51603", "Order does not exist")
        return [self.order_row(slip)]

    def order_row(self, slip: Slip) -> Row:
        """Write an order, with its last fill."""
        filled = self._floor.executed(slip.account, slip.intent.instrument) if slip.filled_lots else ()
        last = next((each.fill for each in reversed(filled) if each.slip is slip), None)
        return write.order_row(slip, last)

    def pending(self, account: str, form: Form) -> list[Row]:
        """Open orders."""
        return self._order_rows(
            form, [each for each in self._floor.open_slips(account) if not is_asleep(each)]
        )

    def history(self, account: str, form: Form) -> list[Row]:
        """Orders that have ended."""
        ended = [each for each in self._floor.slips(account) if not each.is_open and not is_asleep(each)]
        return self._order_rows(form, [each for each in ended if self._orders.is_known(each)])

    def _order_rows(self, form: Form, slips: Sequence[Slip]) -> list[Row]:
        wanted = [slip for slip in slips if self._concerns(form, slip.instrument)]
        if state := text(form, "state"):
            wanted = [slip for slip in wanted if write.order_row(slip)["state"] == state]
        if kind := text(form, "ordType"):
            kinds = kind.split(",")
            wanted = [slip for slip in wanted if write.order_row(slip)["ordType"] in kinds]
        newest = sorted(wanted, key=lambda slip: int(slip.venue_order_id), reverse=True)
        cut = _cut(form, newest, lambda slip: int(slip.venue_order_id), limit=100, most=100)
        return [self.order_row(slip) for slip in cut]

    def fills(self, account: str, form: Form) -> list[Row]:
        """What was traded."""
        begin, end = _whole(form, "begin", 0), _whole(form, "end", _FAR_NS)
        order = text(form, "ordId")
        found = [
            each
            for each in reversed(self._floor.executed(account))
            if self._concerns(form, each.slip.instrument)
            and begin <= each.at_ns // _MS_NS <= end
            and order in {"", each.slip.venue_order_id}
        ]
        return [
            write.fill_row(each) for each in _cut(form, found, lambda each: each.number, limit=100, most=100)
        ]

    def bills(self, account: str, form: Form) -> list[Row]:
        """Funding that was paid or received; other bills are not kept."""
        if text(form, "type") not in {"", "8"}:
            return []
        return [
            {
                "billId": ms(each.venue_ns),
                "type": "8",
                "subType": "174" if each.amount.atoms > 0 else "173",
                "instType": "SWAP",
                "instId": self._floor.instruments[each.instrument].native,
                "ccy": each.amount.currency,
                "balChg": plain(each.amount.amount),
                "pnl": plain(each.amount.amount),
                "ts": ms(each.venue_ns),
            }
            for each in reversed(self._floor.payments(account))
        ]

    # -- how ------------------------------------------------------------------------------------------------------

    def _contracts(self, form: Form) -> list[Instrument]:
        if form.get("instId"):
            return [self._contract(self._orders.market(form))]
        return [each for each in self._floor.instruments.values() if each.kind is not Kind.SPOT]

    def _contract(self, instrument: Instrument) -> Instrument:
        if instrument.kind is Kind.SPOT:
            raise bad("instId")
        return instrument

    def _concerns(self, form: Form, instrument: Instrument) -> bool:
        return text(form, "instType") in {"", kind_of(instrument)} and text(form, "instId") in {
            "",
            instrument.native,
        }


def _whole(form: Form, name: str, default: int, *, most: int = _FAR_NS) -> int:
    given = text(form, name)
    if not given:
        return default
    if not (given.isascii() and given.isdigit() and len(given) <= 20):
        raise bad(name)
    return min(int(given), most)


def _cut(form: Form, newest: Sequence[T], number: Callable[[T], int], *, limit: int, most: int) -> list[T]:
    """Cut a page out of what there is, newest first."""
    below, above = _whole(form, "after", _FAR_NS), _whole(form, "before", -1)
    found = [each for each in newest if above < number(each) < below]
    return found[: _whole(form, "limit", limit, most=most)]
