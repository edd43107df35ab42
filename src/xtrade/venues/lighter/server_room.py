"""The other end of Lighter's wire: what answers and messages tell alike, as it is on the floor now."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import msgspec

from xtrade.model.instruments import Instrument, Kind
from xtrade.model.money import Money
from xtrade.venues.box.accounts import BoxAccount
from xtrade.venues.box.floor import Floor, Slip
from xtrade.venues.lighter import server_rows as rows
from xtrade.venues.lighter.server_transactions import Member, Refusal, Transactions

__all__ = ["JSON", "Room", "l1_address"]

_MS_NS: Final = 1_000_000
_BATCH_MAX: Final = 50
_USUAL_FRACTION: Final = 500
_COLLATERAL: Final = "USDC"

JSON: TypeAlias = dict[str, Any]


class Room:
    """One floor, its members, and what can be said of both."""

    def __init__(self, floor: Floor, accounts: Sequence[BoxAccount], now_ns: Callable[[], int]) -> None:
        self.floor = floor
        self.now_ns = now_ns
        self.transactions = Transactions(floor, accounts, now_ns)
        self.members = {member.name: member for member in self.transactions.members.values()}

    def market(self, query: Mapping[str, str]) -> Instrument:
        """Return the market that a question names."""
        found = self.floor.natives.get(query["market_id"])
        if not found:
            raise Refusal(21602, "invalid market index")
        return found[0]

    def listed(self, query: Mapping[str, str]) -> list[Instrument]:
        """Return the markets of the kind that a question names."""
        which = query.get("filter", "all")
        kinds = {"spot": {Kind.SPOT}, "perp": {Kind.LINEAR}}.get(which, set(Kind))
        return [each for each in self.floor.instruments.values() if each.kind in kinds]

    def listing(self, instrument: Instrument, *, short: bool = False) -> JSON:
        """Return a market as it is listed."""
        chronicle = self.floor.chronicle
        return rows.market_row(
            instrument,
            chronicle.last_trade(instrument.key),
            chronicle.marks.get(instrument.key),
            short=short,
        )

    def of_index(self, index: str) -> Member:
        """Return the account of that number."""
        member = self.transactions.members.get(int(index))
        if member is None:
            raise Refusal(21100, "account not found")
        return member

    def account_row(self, member: Member) -> JSON:
        """Return an account."""
        balance = self.floor.exchange.balance(member.name, _COLLATERAL)
        free, total = (rows.dollars(each.amount) for each in (balance.available, balance.total))
        return {
            "code": 0,
            "account_type": 0,
            "account_trading_mode": 1,
            "index": member.index,
            "account_index": member.index,
            "l1_address": l1_address(member),
            "cancel_all_time": member.cancels_at_ms,
            "total_order_count": len(self.floor.open_slips(member.name)),
            "total_isolated_order_count": 0,
            "pending_order_count": 0,
            "available_balance": free,
            "status": 1,
            "collateral": total,
            "name": "",
            "description": "",
            "can_invite": False,
            "can_rfq": False,
            "can_rfq_market_ids": [],
            "agent_enabled": False,
            "referral_points_percentage": "",
            "created_at": 0,
            "transaction_time": 0,
            "metadata": {"color": ""},
            "positions": list(self.positions(member, member.terms).values()),
            "assets": list(self.balances(member).values()),
            "total_asset_value": total,
            "cross_asset_value": total,
            "cross_initial_margin_requirement": rows.dollars(balance.held.amount),
            "cross_maintenance_margin_requirement": "0.000000",
            "shares": [],
            "pending_unlocks": [],
            "approved_integrators": [],
        }

    def positions(self, member: Member, flat: Collection[str] = ()) -> dict[str, JSON]:
        """Return an account's positions by market, and these markets also where it is flat."""
        exchange, found = self.floor.exchange, {}
        for key, instrument in self.floor.instruments.items():
            if instrument.kind is Kind.SPOT:
                continue
            position, mark = exchange.position(member.name, key), self.floor.chronicle.marks.get(key)
            if position.lots or key in flat:
                found[instrument.native] = rows.position_row(
                    position,
                    instrument,
                    mark=None if mark is None else mark.mark,
                    liquidation=exchange.liquidation_price(member.name, key),
                    terms=member.terms.get(key, (_USUAL_FRACTION, False)),
                    open_orders=len(self.floor.open_slips(member.name, key)),
                )
        return found

    def balances(self, member: Member) -> dict[str, JSON]:
        """Return what an account has, by asset."""
        found = {}
        for currency in self.floor.currencies():
            balance = self.floor.exchange.balance(member.name, currency)
            if balance.total != Money(0, currency) or currency == _COLLATERAL:
                found[str(rows.ASSET_IDS[currency])] = rows.asset_row(balance.total, balance.held)
        return found

    def order_rows(self, member: Member, slips: Iterable[Slip]) -> list[JSON]:
        """Return orders."""
        return [rows.order_row(slip, member.index) for slip in slips]

    def ticker(self, instrument: Instrument) -> JSON:
        """Return the best of a book."""
        book = self.floor.exchange.book(instrument.key)
        sides: JSON = {}
        for name, levels in (("a", book.asks), ("b", book.bids)):
            best = next(iter(levels), None)
            sides[name] = {
                "price": "" if best is None else rows.price(best[0], instrument),
                "size": "" if best is None else rows.size(best[1], instrument),
            }
        updated_us = (book.venue_ns or 0) // 1_000
        return {
            "ticker": {"s": instrument.base, **sides, "last_updated_at": updated_us},
            "nonce": book.sequence,
            "last_updated_at": updated_us,
        }

    def stats(self, instrument: Instrument) -> JSON:
        """Return a market in figures."""
        chronicle = self.floor.chronicle
        return rows.stats_row(
            instrument,
            chronicle.last_trade(instrument.key),
            chronicle.marks.get(instrument.key),
            chronicle.fundings.get(instrument.key),
        )

    def user_stats(self, member: Member) -> JSON:
        """Return an account in figures."""
        balance = self.floor.exchange.balance(member.name, _COLLATERAL)
        figures: JSON = {
            "available_balance": rows.dollars(balance.available.amount),
            "buying_power": "0",
            "collateral": rows.dollars(balance.total.amount),
            "leverage": "0.00",
            "margin_usage": "0.00",
            "portfolio_value": rows.dollars(balance.total.amount),
        }
        return {"account_trading_mode": 1, **figures, "cross_stats": figures, "total_stats": figures}

    def send_all(self, types: object, infos: object) -> JSON:
        """Carry out transactions until one is refused."""
        kinds, texts = (
            msgspec.json.decode(each) if isinstance(each, str) else each for each in (types, infos)
        )
        if not isinstance(kinds, list) or not isinstance(texts, list) or len(kinds) != len(texts):
            raise Refusal(21513, "tx types and tx infos differ in length")
        if len(kinds) > _BATCH_MAX:
            raise Refusal(21514, "too many transactions in a batch")
        return self.sent(
            [self.transactions.send(kind, info) for kind, info in zip(kinds, texts, strict=True)], batch=True
        )

    def sent(self, hashes: list[str], *, batch: bool) -> JSON:
        """Return the answer to transactions that were taken."""
        return {
            "message": '{"ratelimit": "didn\'t use volume quota"}',
            "tx_hash": hashes if batch else hashes[0],
            "predicted_execution_time_ms": self.now_ns() // _MS_NS,
            "volume_quota_remaining": 1_000_000,
        }


def l1_address(member: Member) -> str:
    """Return the address of the wallet behind an account: made up."""
    return f"0x{member.index:040x}"
