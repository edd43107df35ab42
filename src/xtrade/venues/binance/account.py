"""What Binance knows of an account, when asked: balances, positions, fees; and the few settings that it has.

Each half has a wallet of its own. The spot wallet is told under the account's name, the one of futures with `.usdm`
behind it: 5 USDT here and 7 there are not 12.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from msgspec import Struct, field

from xtrade.model.errors import ConfigError, DataError
from xtrade.model.events import BalanceReport, PositionReport
from xtrade.model.instruments import Instrument
from xtrade.model.money import Money
from xtrade.model.numbers import number
from xtrade.net.limits import Cost
from xtrade.net.retry import Repeat
from xtrade.venues.asks import Answer, Ask
from xtrade.venues.base import FeeRates
from xtrade.venues.binance.answers import Done
from xtrade.venues.binance.requests import Requests, read_as
from xtrade.venues.binance.sections import SPOT, USDM, Section, section_of
from xtrade.venues.levels import counters
from xtrade.venues.markets import Markets

__all__ = ["Account", "usdm_account"]

_MS_NS: Final = 1_000_000
_NO_CHANGE: Final = (-4046, -4059)


class _SpotBalance(Struct):
    asset: str
    free: str
    locked: str


class _SpotAccount(Struct, rename="camel"):
    balances: list[_SpotBalance]
    update_time: int = 0


class _UsdmBalance(Struct, rename="camel"):
    asset: str
    balance: str
    available_balance: str
    update_time: int = 0


class _Position(Struct, rename="camel"):
    symbol: str
    position_amt: str
    entry_price: str
    liquidation_price: str = "0"
    update_time: int = 0


class _Rates(Struct):
    maker: str
    taker: str


class _Commission(Struct, rename="camel"):
    standard_commission: _Rates


class _UsdmRates(Struct, rename="camel"):
    maker_commission_rate: str
    taker_commission_rate: str


class _Mode(Struct, rename="camel"):
    dual_side_position: bool


class _ListenKey(Struct, rename="camel"):
    listen_key: str = field(default="")


def usdm_account(account: str) -> str:
    """Name the wallet of futures."""
    return f"{account}.{USDM.name}"


class Account:
    """Questions about one account, its settings, and the key of its private stream."""

    def __init__(self, requests: Requests, markets: Markets, account: str) -> None:
        self._requests = requests
        self._markets = markets
        self._account = account

    # -- what there is --------------------------------------------------------------------------------------------

    def balances(self, section: Section) -> Ask[Sequence[BalanceReport]]:
        """The wallet of one half."""

        def spot(told: _SpotAccount, answer: Answer) -> list[BalanceReport]:
            return [
                BalanceReport(
                    account=self._account,
                    total=Money.of(row.free, row.asset) + Money.of(row.locked, row.asset),
                    held=Money.of(row.locked, row.asset),
                    venue_ns=told.update_time * _MS_NS or None,
                    received_ns=answer.received_ns,
                )
                for row in told.balances
            ]

        def usdm(rows: list[_UsdmBalance], answer: Answer) -> list[BalanceReport]:
            return [_usdm_balance(row, usdm_account(self._account), answer) for row in rows]

        if section is SPOT:
            return self._requests.question(
                "spot balances",
                SPOT,
                "/account",
                {"omitZeroBalances": "true"},
                _SpotAccount,
                spot,
                weight=SPOT.weights["account"],
                signed=True,
            )
        return self._requests.question(
            "futures balances",
            USDM,
            "/fapi/v3/balance",
            {},
            list[_UsdmBalance],
            usdm,
            weight=USDM.weights["balance"],
            signed=True,
        )

    def positions(self) -> Ask[Sequence[PositionReport]]:
        """What is held of contracts. An account in hedge mode holds two positions of one: their sum is told."""

        def read(rows: list[_Position], answer: Answer) -> list[PositionReport]:
            held: defaultdict[str, list[_Position]] = defaultdict(list)
            for row in rows:
                held[row.symbol].append(row)
            found = []
            for symbol, sides in held.items():
                instrument = self._markets.native(symbol, USDM.name)
                if instrument is not None:
                    report = _position(sides, instrument, usdm_account(self._account), answer)
                    if report.lots:
                        found.append(report)
            return found

        return self._requests.question(
            "positions",
            USDM,
            "/fapi/v3/positionRisk",
            {},
            list[_Position],
            read,
            weight=USDM.weights["positionRisk"],
            signed=True,
        )

    def fee_rates(self, keys: Collection[str]) -> Sequence[Ask[Mapping[str, FeeRates]]]:
        """What the account pays, market by market."""
        return [self._fee_rates(key) for key in keys]

    def _fee_rates(self, key: str) -> Ask[Mapping[str, FeeRates]]:
        instrument = self._markets.of(key).instrument
        what = f"fee rates of {instrument.native}"
        asked = {"symbol": instrument.native}
        if section_of(instrument) is SPOT:
            return self._requests.question(
                what,
                SPOT,
                "/account/commission",
                asked,
                _Commission,
                lambda told, _: {
                    key: FeeRates(
                        number(told.standard_commission.maker), number(told.standard_commission.taker)
                    )
                },
                weight=SPOT.weights["commission"],
                signed=True,
            )
        return self._requests.question(
            what,
            USDM,
            "/commissionRate",
            asked,
            _UsdmRates,
            lambda told, _: {
                key: FeeRates(number(told.maker_commission_rate), number(told.taker_commission_rate))
            },
            weight=USDM.weights["commission"],
            signed=True,
        )

    def one_way(self) -> Ask[None]:
        """Make sure that contracts are held in one position each: orders of ours say of no side that they are of it."""

        def read(told: _Mode, _: Answer) -> None:
            if told.dual_side_position:
                raise ConfigError(
                    "binance: the account holds futures in hedge mode, and xtrade trades them in one-way mode:"
                    " close the positions, then change the position mode on the venue's page"
                )

        return self._requests.question(
            "position mode",
            USDM,
            "/positionSide/dual",
            {},
            _Mode,
            read,
            weight=30,
            signed=True,
        )

    # -- settings -------------------------------------------------------------------------------------------------

    def leverage(self, key: str, leverage: int) -> Ask[None] | None:
        """The most leverage of a contract."""
        return self._set(key, "leverage", "/leverage", {"leverage": str(leverage)})

    def margin_mode(self, key: str, *, isolated: bool) -> Ask[None] | None:
        """Isolated or cross margin of a contract."""
        mode = "ISOLATED" if isolated else "CROSSED"
        return self._set(key, "margin mode", "/marginType", {"marginType": mode})

    def _set(self, key: str, what: str, path: str, setting: Mapping[str, str]) -> Ask[None] | None:
        instrument = self._markets.of(key).instrument
        if section_of(instrument) is SPOT:
            return None
        return self._requests.command(
            f"{what} of {instrument.native}",
            USDM,
            "POST",
            path,
            {"symbol": instrument.native, **setting},
            Done,
            lambda _told, _answer: None,
            costs=(Cost(USDM.weight),),
            repeat=Repeat.IDEMPOTENT,
            done=_NO_CHANGE,
            already=lambda: None,
        )

    # -- the key of the futures' stream ---------------------------------------------------------------------------

    def listen_key(self) -> Ask[str]:
        """The key that the address of the private stream needs; asked again, it is the same for another hour."""

        def read(answer: Answer) -> str:
            told = read_as(_ListenKey, answer.body, "listen key").listen_key
            if not told:
                raise DataError("binance: listen key: the answer has none")
            return told

        return self._requests.keyed(USDM, "listen key", "POST", "/listenKey", read)

    def keep_listen_key(self) -> Ask[None]:
        """Let it live for another hour."""
        return self._requests.keyed(USDM, "keep listen key", "PUT", "/listenKey", lambda _: None)


def _usdm_balance(row: _UsdmBalance, account: str, answer: Answer) -> BalanceReport:
    total = Money.of(row.balance, row.asset)
    held = total - Money.of(row.available_balance, row.asset)
    return BalanceReport(
        account=account,
        total=total,
        # Profit that is not realised yet may be used as well: then nothing of the wallet itself is held.
        held=max(held, Money(0, row.asset)),
        venue_ns=row.update_time * _MS_NS or None,
        received_ns=answer.received_ns,
    )


def _position(
    sides: Sequence[_Position], instrument: Instrument, account: str, answer: Answer
) -> PositionReport:
    _, lots = counters(instrument)
    only = sides[0] if len(sides) == 1 else None
    return PositionReport(
        account=account,
        instrument=instrument.key,
        lots=sum(lots(row.position_amt) for row in sides),
        entry_price=None if only is None else number(only.entry_price),
        liquidation_price=None if only is None else number(only.liquidation_price),
        venue_ns=max(row.update_time for row in sides) * _MS_NS or None,
        received_ns=answer.received_ns,
    )
