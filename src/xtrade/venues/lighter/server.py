"""The other end of Lighter's wire: what a client of the venue meets, in front of a floor.

Answers over HTTP and the messages of its one socket are those of the venue as of 2026-11: signatures and tokens are
checked for real, numbers must rise, and what is refused is refused by the venue's codes. Left out: groups of orders,
time-weighted orders, candles through the socket, and whatever moves money.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from random import Random  # noqa: TID251  (the type alone: a stream is given)
from typing import Any, ClassVar

import msgspec
from typing_extensions import override

from xtrade.sim.matching.rules import ClientIds, FeesIn, SelfTrade, VenueRules
from xtrade.sim.matching.tape import Notice
from xtrade.sim.synthetic.markets import Listing, Perpetual
from xtrade.venues.box.accounts import BoxAccount
from xtrade.venues.box.floor import Floor
from xtrade.venues.box.server import Asked, Server, Session, Told
from xtrade.venues.lighter.server_answers import Answers
from xtrade.venues.lighter.server_room import Room
from xtrade.venues.lighter.server_streams import Sockets
from xtrade.venues.lighter.server_transactions import Refusal

__all__ = ["LighterServer"]


def _listing(symbol: str, native: int, tick: str, lot: str, **more: Any) -> Listing:
    contract = ":" in symbol
    return Listing(
        symbol=symbol,
        native=str(native),
        tick=Decimal(tick),
        lot=Decimal(lot),
        min_notional=Decimal(10),
        maker_fee=Decimal("0.000028"),
        taker_fee=Decimal("0.000196"),
        perpetual=Perpetual(interval_hours=1) if contract else None,
        **more,
    )


class LighterServer(Server):
    """Lighter in a box."""

    venue: ClassVar[str] = "lighter"
    rules: ClassVar[VenueRules] = VenueRules(
        self_trade=SelfTrade.CANCEL_MAKER,
        client_ids=ClientIds.OPEN,
        spot_fees_in=FeesIn.QUOTE,
        limit_band=Decimal("0.05"),
    )
    listings: ClassVar[Mapping[str, Listing]] = {
        listing.symbol: listing
        for listing in (
            _listing("ETH/USDC:USDC", 0, "0.01", "0.0001", min_lots=50),
            _listing("BTC/USDC:USDC", 1, "0.1", "0.00001", min_lots=20),
            _listing("SOL/USDC:USDC", 2, "0.001", "0.001", min_lots=50, spread_bp=1.0),
            _listing("DOGE/USDC:USDC", 3, "0.000001", "1", min_lots=10, spread_bp=1.5),
            _listing("ETH/USDC", 2048, "0.01", "0.0001", min_lots=50, spread_bp=1.0),
        )
    }

    def __init__(self, floor: Floor, accounts: Sequence[BoxAccount], now_ns: Callable[[], int]) -> None:
        self.room = Room(floor, accounts, now_ns)
        self._answers = Answers(self.room)
        self._sockets = Sockets(self.room)
        super().__init__(floor, accounts, now_ns)

    @classmethod
    @override
    def make_key(cls, stream: Random, number: int) -> Mapping[str, str]:
        return {
            "account_index": str(1_000 + number),
            "api_key_index": "4",
            "private_key": f"0x{stream.randbytes(39).hex()}01",
        }

    @classmethod
    @override
    def how_to_connect(cls, address: str, native: str) -> list[str]:
        return [
            f"curl     curl '{address}/api/v1/orderBookOrders?market_id={native}&limit=5'",
            "ccxt     for name in exchange.urls['api']: exchange.urls['api'][name] = " + repr(address),
            f"SDK      lighter.SignerClient(url={address!r}, ...)",
        ]

    @override
    def answer(self, asked: Asked) -> Told:
        try:
            found = self._answers.answer(asked)
        except Refusal as no:
            return Told(msgspec.json.encode({"code": no.code, "message": str(no)}), no.status)
        except (KeyError, ValueError):
            return Told(msgspec.json.encode({"code": 20001, "message": "invalid param"}), 400)
        return Told(msgspec.json.encode(found))

    @override
    def takes(self, path: str) -> bool:
        return path == "/stream"

    @override
    def opened(self, session: Session) -> None:
        self._sockets.opened(session)

    @override
    def heard(self, session: Session, payload: bytes) -> None:
        self._sockets.heard(session, payload)

    @override
    def closed(self, session: Session) -> None:
        self._sockets.closed(session)

    @override
    def happened(self, notices: Sequence[Notice], at_ns: int) -> None:
        self._sockets.happened(notices, at_ns)

    @override
    def tick(self, now_ns: int) -> None:
        self._sockets.tick(now_ns)
