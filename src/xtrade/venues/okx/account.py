"""The account: how it is set up, what it has, holds, owes as margin and pays as fees.

OKX has one account for all markets. Which orders it takes, and what they must say, depends on its mode (`acctLv`) and
on how it keeps positions (`posMode`): that is asked once at each start, and remembered with the margin mode of each
market, for each order must name it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Final, TypeVar

import msgspec
from msgspec import Struct
from typing_extensions import override

from xtrade.model.errors import ConfigError, DataError, Rejected, UsageError
from xtrade.model.events import BalanceReport, MarginReport, PositionReport
from xtrade.model.instruments import Instrument, Kind
from xtrade.model.money import Money
from xtrade.model.numbers import number
from xtrade.net.limits import Priority
from xtrade.net.retry import Repeat
from xtrade.venues.asks import Answer, Ask
from xtrade.venues.base import FeeRates
from xtrade.venues.levels import counters
from xtrade.venues.markets import Markets
from xtrade.venues.okx.auth import OkxKey
from xtrade.venues.okx.reports import ReportAsks
from xtrade.venues.okx.spec import cost
from xtrade.venues.okx.wire import BROKEN, amount, ns, rows
from xtrade.venues.spec import Addresses

__all__ = ["AccountAsks", "BalanceRow", "PositionRow", "balances_of", "margins_of", "position_of"]

T = TypeVar("T")

# -- rows ---------------------------------------------------------------------------------------------------------


class _Currency(Struct, rename="camel"):
    ccy: str
    cash_bal: str = ""
    avail_bal: str = ""
    avail_eq: str = ""
    eq: str = ""
    mmr: str = ""
    u_time: str = ""


class BalanceRow(Struct, rename="camel"):
    """What the account has: all of it when asked, the currencies that changed on the stream."""

    details: list[_Currency]
    u_time: str = ""
    adj_eq: str = ""
    mmr: str = ""


class PositionRow(Struct, rename="camel"):
    """A position: signed in net mode, and without a sign where longs and shorts are kept apart."""

    inst_id: str
    pos: str
    mgn_mode: str
    pos_side: str = "net"
    avg_px: str = ""
    liq_px: str = ""
    u_time: str = ""


class _ConfigRow(Struct, rename="camel"):
    acct_lv: str
    pos_mode: str


class _FeeGroup(Struct, rename="camel"):
    group_id: str
    maker: str
    taker: str


class _FeeRow(Struct, rename="camel"):
    maker: str = ""
    taker: str = ""
    maker_u: str = ""
    taker_u: str = ""
    maker_usdc: str = msgspec.field(default="", name="makerUSDC")
    taker_usdc: str = msgspec.field(default="", name="takerUSDC")
    fee_group: list[_FeeGroup] = []


_BALANCES: Final = msgspec.json.Decoder(list[BalanceRow])
_POSITIONS: Final = msgspec.json.Decoder(list[PositionRow])
_CONFIGS: Final = msgspec.json.Decoder(list[_ConfigRow])
_FEES: Final = msgspec.json.Decoder(list[_FeeRow])
_DONE: Final = msgspec.json.Decoder(list[dict[str, object]])

# In these modes everything is collateral of everything, and a purchase of coins is margined too.
_MULTI_CURRENCY: Final = frozenset({"3", "4"})
_SPOT_ONLY: Final = "1"
_USD: Final = "USD"


def balances_of(row: BalanceRow, account: str, received_ns: int) -> Iterator[BalanceReport]:
    """Read what there is of each currency: cash, which profit not yet taken is no part of."""
    for currency in row.details:
        cash = amount(currency.cash_bal)
        if cash is None:
            continue
        total = Money.of(cash, currency.ccy)
        free = amount(currency.avail_bal) if currency.avail_bal else amount(currency.avail_eq)
        held = Money(0, currency.ccy) if free is None else total - Money.of(free, currency.ccy)
        yield BalanceReport(
            account=account,
            total=total,
            # Other currencies may stand in for this one: there is then more to spend than there is cash.
            held=max(held, Money(0, currency.ccy)),
            venue_ns=ns(currency.u_time or row.u_time),
            received_ns=received_ns,
        )


def margins_of(row: BalanceRow, account: str, received_ns: int) -> Iterator[MarginReport]:
    """Read what positions need: in dollars where all is collateral, otherwise currency by currency."""
    told = [(row.adj_eq, row.mmr, _USD)] if row.adj_eq and row.mmr else []
    told = told or [(currency.eq, currency.mmr, currency.ccy) for currency in row.details]
    for equity, maintenance, currency in told:
        if equity and maintenance:
            yield MarginReport(
                account=account,
                equity=Money.of(equity, currency),
                maintenance=Money.of(maintenance, currency),
                venue_ns=ns(row.u_time),
                received_ns=received_ns,
            )


def position_of(
    parts: Sequence[PositionRow], instrument: Instrument, account: str, received_ns: int
) -> PositionReport:
    """Read the position in one instrument; prices where it has but one part."""
    _, lots = counters(instrument)
    one = parts[0] if len(parts) == 1 else None
    return PositionReport(
        account=account,
        instrument=instrument.key,
        lots=sum((-1 if part.pos_side == "short" else 1) * lots(part.pos) for part in parts),
        entry_price=amount(one.avg_px) if one else None,
        liquidation_price=amount(one.liq_px) if one else None,
        venue_ns=max((ns(part.u_time) or 0 for part in parts), default=0) or None,
        received_ns=received_ns,
    )


# -- asks ---------------------------------------------------------------------------------------------------------


class AccountAsks(ReportAsks):
    """The part of the codec that asks about the account, and what it remembers of it."""

    @override
    def __init__(
        self, addresses: Addresses, markets: Markets, auth: OkxKey | None = None, account: str = ""
    ) -> None:
        super().__init__(addresses, markets, auth, account)
        self._mode = ""
        self._isolated: set[str] = set()

    @override
    def margin_of(self, key: str) -> str:
        instrument = self.markets.of(key).instrument
        if instrument.kind is Kind.SPOT:
            return "cross" if self._mode in _MULTI_CURRENCY else "cash"
        return "isolated" if key in self._isolated else "cross"

    @override
    def prepare(self) -> Sequence[Ask[None]]:
        def read_config(answer: Answer) -> None:
            found = rows(answer, "account configuration", _CONFIGS)
            if not found:
                raise DataError("okx: account configuration: the answer is empty")
            self._mode = found[0].acct_lv
            if found[0].pos_mode != "net_mode" and self._mode != _SPOT_ONLY:
                raise ConfigError(
                    f"account {self.account}: it keeps longs and shorts apart ({found[0].pos_mode}), and orders here"
                    " are for net positions: set its position mode to net at OKX"
                )

        def read_positions(answer: Answer) -> None:
            for instrument, parts in self._positions(answer):
                self._note_margin(instrument, parts)

        return [
            Ask(
                "account configuration",
                self.requests.signed_get("/api/v5/account/config"),
                read_config,
                cost("config"),
                Priority.ACCOUNT,
            ),
            self._ask_positions(read_positions),
        ]

    @override
    def fee_rates(self, keys: Collection[str]) -> Sequence[Ask[Mapping[str, FeeRates]]]:
        by_kind: dict[str, list[Instrument]] = {}
        for key in keys:
            instrument = self.markets.of(key).instrument
            kind = "SPOT" if instrument.kind is Kind.SPOT else "SWAP"
            by_kind.setdefault(kind, []).append(instrument)
        return [self._fee_rates(kind, instruments) for kind, instruments in by_kind.items()]

    def _fee_rates(self, kind: str, instruments: Sequence[Instrument]) -> Ask[Mapping[str, FeeRates]]:
        what = "fee rates"

        def read(answer: Answer) -> Mapping[str, FeeRates]:
            found = rows(answer, what, _FEES)
            if not found:
                raise DataError(f"okx: {what}: the answer is empty")
            rates = {}
            for instrument in instruments:
                maker, taker = self._fee_texts(found[0], instrument)
                try:
                    rates[instrument.key] = FeeRates(_paid(maker), _paid(taker))
                except BROKEN as broken:
                    raise DataError(f"okx: {what} of {instrument.key}: {broken}") from None
            return rates

        return Ask(
            what,
            self.requests.signed_get("/api/v5/account/trade-fee", {"instType": kind}),
            read,
            cost("trade-fee"),
            Priority.ACCOUNT,
        )

    @override
    def balances(self) -> Sequence[Ask[Sequence[BalanceReport]]]:
        what = "balances"

        def read(answer: Answer) -> Sequence[BalanceReport]:
            found = rows(answer, what, _BALANCES)
            try:
                return [
                    report for row in found for report in balances_of(row, self.account, answer.received_ns)
                ]
            except BROKEN as broken:
                raise DataError(f"okx: {what}: {broken}") from None

        return [
            Ask(
                what,
                self.requests.signed_get("/api/v5/account/balance"),
                read,
                cost("balance"),
                Priority.ACCOUNT,
            )
        ]

    @override
    def positions(self) -> Sequence[Ask[Sequence[PositionReport]]]:
        def read(answer: Answer) -> Sequence[PositionReport]:
            try:
                found = [
                    position_of(parts, instrument, self.account, answer.received_ns)
                    for instrument, parts in self._positions(answer)
                ]
            except BROKEN as broken:
                raise DataError(f"okx: positions: {broken}") from None
            return [report for report in found if report.lots]

        return [self._ask_positions(read)]

    @override
    def leverage(self, key: str, leverage: int) -> Ask[None] | None:
        if self.markets.of(key).instrument.kind is Kind.SPOT:
            return None
        what = "leverage"
        form = {
            "instId": self.markets.of(key).instrument.native,
            "lever": str(leverage),
            "mgnMode": self.margin_of(key),
        }

        def read(answer: Answer) -> None:
            rows(answer, what, _DONE)

        return Ask(
            what,
            self.requests.signed_post("/api/v5/account/set-leverage", form),
            read,
            cost("set-leverage"),
            Priority.TRADE,
            Repeat.IDEMPOTENT,
        )

    @override
    def margin_mode(self, key: str, *, isolated: bool) -> Ask[None] | None:
        """Ask whether a market can be margined so, and let the orders from then on say it.

        There is no request for this at OKX: the mode is the order's, and one market may be held in both modes at once.
        That is not what anybody means, so that a position in the other mode refuses it.
        """
        listed = self.markets.of(key).instrument
        if listed.kind is Kind.SPOT:
            return None
        if isolated and self._mode in _MULTI_CURRENCY | {_SPOT_ONLY}:
            raise UsageError(f"okx: {key}: an account in mode {self._mode} has no isolated margin")

        def read(answer: Answer) -> None:
            for instrument, parts in self._positions(answer):
                other = {part.mgn_mode for part in parts} - {"isolated" if isolated else "cross"}
                if instrument.key == key and other:
                    raise Rejected(
                        f"okx: {key} is held in {' and '.join(sorted(other))} margin: close it first",
                        venue="okx",
                        request="margin mode",
                    )
            (self._isolated.add if isolated else self._isolated.discard)(key)

        return self._ask_positions(read, native=listed.native)

    # -- how ------------------------------------------------------------------------------------------------------

    def _fee_texts(self, row: _FeeRow, instrument: Instrument) -> tuple[str, str]:
        """Find the rates that are the market's: of its own group, or else by what it is paid in."""
        group = self.fee_groups.get(instrument.native)
        for each in row.fee_group:
            if group and each.group_id == group:
                return each.maker, each.taker
        if instrument.settle == "USDC" and row.maker_usdc:
            return row.maker_usdc, row.taker_usdc
        if instrument.kind is not Kind.SPOT and row.maker_u:
            return row.maker_u, row.taker_u
        return row.maker, row.taker

    def is_all_of(self, row: PositionRow, instrument: Instrument) -> bool:
        """Whether one row is the whole position in a market."""
        return row.pos_side == "net" and row.mgn_mode == self.margin_of(instrument.key)

    def _ask_positions(self, read: Callable[[Answer], T], native: str = "") -> Ask[T]:
        query = {"instType": "SWAP"} | ({"instId": native} if native else {})
        return Ask(
            "positions",
            self.requests.signed_get("/api/v5/account/positions", query),
            read,
            cost("positions"),
            Priority.ACCOUNT,
        )

    def _positions(self, answer: Answer) -> Iterable[tuple[Instrument, list[PositionRow]]]:
        """Read what is held, market by market; those that are not listed here are left out."""
        parts: dict[str, list[PositionRow]] = {}
        for row in rows(answer, "positions", _POSITIONS):
            if row.pos.strip("-0."):
                parts.setdefault(row.inst_id, []).append(row)
        for native, held in parts.items():
            if (instrument := self.markets.native(native)) is not None:
                yield instrument, held

    def _note_margin(self, instrument: Instrument, parts: Sequence[PositionRow]) -> None:
        """Go on with a position in the margin mode in which it was begun."""
        modes = {part.mgn_mode for part in parts}
        if modes == {"isolated"}:
            self._isolated.add(instrument.key)
        elif len(modes) > 1:
            raise ConfigError(
                f"account {self.account}: {instrument.key} is held in {' and '.join(sorted(modes))} margin at once:"
                " close one of the two"
            )


def _paid(rate: str) -> Decimal:
    """Turn the venue's sign round: there, what is paid is below zero."""
    return number(rate).copy_negate() or Decimal(0)
