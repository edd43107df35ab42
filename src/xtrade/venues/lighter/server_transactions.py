"""The other end of Lighter's wire: transactions are checked as the venue checks them, and carried out on the floor.

An account proves itself by the signature of a transaction, and by that of a token for what is private. What is refused
here costs no number (nonce); what was taken and could not be does.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Struct

from xtrade.model.errors import UsageError
from xtrade.model.ids import ClientOrderId
from xtrade.model.instruments import Instrument, Kind
from xtrade.model.money import Money
from xtrade.model.order_state import OrderStatus
from xtrade.model.orders import OrderIntent, OrderType, TimeInForce, Trigger, TriggerPrice
from xtrade.model.sides import Side
from xtrade.runtime.secrets import Secret
from xtrade.sim.matching.rules import SelfTrade
from xtrade.venues.box.accounts import BoxAccount
from xtrade.venues.box.floor import Floor, Slip
from xtrade.venues.lighter.auth import LighterKey
from xtrade.venues.lighter.orders import BASE_MAX, IMMEDIATE, POST_ONLY, PRICE_MAX, TYPES, UNTIL_TIME
from xtrade.venues.lighter.server_rows import is_told, order_number
from xtrade.venues.lighter.signing.schnorr import hash_bytes, verify
from xtrade.venues.lighter.transactions import Attribute, TransactionType, text_hash, transaction_hash

__all__ = ["CHAIN_ID", "Member", "Refusal", "Transactions"]

CHAIN_ID: Final = 304
"""That of the live venue, which is what its clients take for an address that they do not know."""

_MS_NS: Final = 1_000_000
_SECOND_NS: Final = 1_000_000_000
_MINUTE_MS: Final = 60_000
_TOKEN_S_MAX: Final = 8 * 3_600
_CLIENT_INDEX_END: Final = 2**48
_NONCE_END: Final = 2**47
_TOKENS_KEPT: Final = 1_000
_EVERY_MARKET: Final = 255

_SELF_TRADE: Final = (
    SelfTrade.CANCEL_MAKER,
    SelfTrade.CANCEL_TAKER,
    SelfTrade.CANCEL_BOTH,
    SelfTrade.DECREMENT,
)
# A market order is one that does not wait, at the worst price that it names.
_AS_LIMITS: Final[Mapping[int, OrderType]] = {
    TYPES[OrderType.LIMIT]: OrderType.LIMIT,
    TYPES[OrderType.MARKET]: OrderType.LIMIT,
    TYPES[OrderType.STOP_MARKET]: OrderType.STOP_LIMIT,
    TYPES[OrderType.STOP_LIMIT]: OrderType.STOP_LIMIT,
    TYPES[OrderType.TAKE_PROFIT_MARKET]: OrderType.TAKE_PROFIT_LIMIT,
    TYPES[OrderType.TAKE_PROFIT_LIMIT]: OrderType.TAKE_PROFIT_LIMIT,
}
# The floor's codes for what is wrong with a request.
_REFUSALS: Final[Mapping[str, tuple[int, str]]] = {
    "price_band": (21733, "order price flagged as an accidental price"),
    "would_trigger": (21729, "invalid order trigger price"),
    "too_late": (21711, "invalid order expiry"),
    "no_mark": (21605, "invalid market status"),
    "insufficient_margin": (21739, "not enough margin to create the order"),
    "insufficient_funds": (21739, "not enough margin to create the order"),
}


class Refusal(Exception):
    """What the venue says no with."""

    def __init__(self, code: int, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.code = code
        self.status = status


class Member(Struct, eq=False):
    """An account as the venue keeps it."""

    name: str
    index: int
    key_index: int
    public_key: bytes
    nonce: int = -1
    terms: dict[str, tuple[int, bool]] = {}
    cancels_at_ms: int = 0


class _Taken(NamedTuple):
    """A transaction that was checked."""

    member: Member
    kind: TransactionType
    info: Mapping[str, Any]
    hash: str


class Transactions:
    """Checks and carries out."""

    def __init__(self, floor: Floor, accounts: Sequence[BoxAccount], now_ns: Callable[[], int]) -> None:
        self._floor = floor
        self._now_ns = now_ns
        self.members = {member.index: member for member in map(_member, accounts)}
        self._tokens: dict[str, tuple[Member, int]] = {}
        self.done: dict[str, Mapping[str, Any]] = {}
        """What was taken, by its hash."""

    # -- who it is ------------------------------------------------------------------------------------------------

    def by_token(self, token: str, account_index: int) -> Member:
        """Return the account that a token is of, if it is this one."""
        known = self._tokens.get(token)
        if known is None:
            known = self._check_token(token)
            if len(self._tokens) >= _TOKENS_KEPT:
                self._tokens.clear()
            self._tokens[token] = known
        member, deadline_s = known
        if deadline_s * _SECOND_NS < self._now_ns():
            raise Refusal(20013, "invalid auth: expired token")
        if member.index != account_index:
            raise Refusal(20013, "invalid auth: another account's token")
        return member

    def _check_token(self, token: str) -> tuple[Member, int]:
        text, _, signature = token.rpartition(":")
        try:
            deadline_s, index, key_index = (int(part) for part in text.split(":"))
            raw = bytes.fromhex(signature)
        except ValueError:
            raise Refusal(20013, "invalid auth: malformed token") from None
        member = self.members.get(index)
        if member is None or member.key_index != key_index:
            raise Refusal(20013, "invalid auth: api key not found")
        if deadline_s > self._now_ns() // _SECOND_NS + _TOKEN_S_MAX:
            raise Refusal(20013, "invalid auth: the deadline is too far away")
        if not text.isascii() or not verify(member.public_key, text_hash(text), raw):
            raise Refusal(20013, "invalid auth: invalid signature")
        return member, deadline_s

    # -- what is wanted -------------------------------------------------------------------------------------------

    def send(self, kind: object, info: object) -> str:
        """Carry out a transaction; return its hash."""
        taken = self._check(kind, info)
        _DOING[taken.kind](self, taken.member, taken.info)  # what is refused here costs no number
        taken.member.nonce = taken.info["Nonce"]
        self.done[taken.hash] = taken.info
        if len(self.done) > _TOKENS_KEPT:
            del self.done[next(iter(self.done))]
        return taken.hash

    def _check(self, kind: object, info: object) -> _Taken:
        if isinstance(info, str):
            try:
                info = msgspec.json.decode(info)
            except msgspec.DecodeError:
                raise Refusal(21501, "invalid tx info") from None
        try:
            known = TransactionType(kind)  # type: ignore[arg-type]
        except ValueError:
            raise Refusal(21501, f"this box takes no transactions of type {kind}") from None
        if known not in _DOING:
            raise Refusal(21501, "this box takes no groups of orders")
        if not isinstance(info, dict) or not _is_whole(info):
            raise Refusal(21501, "invalid tx info")
        try:
            member = self.members.get(info["AccountIndex"])
            if member is None:
                raise Refusal(21100, "account not found")
            if info["ApiKeyIndex"] != member.key_index:
                raise Refusal(21109, "api key not found")
            message = transaction_hash(CHAIN_ID, known, info)
            signature = base64.b64decode(info["Sig"], validate=True)
        except (KeyError, TypeError, ValueError, OverflowError, AttributeError, binascii.Error):
            raise Refusal(21501, "invalid tx info") from None
        if not verify(member.public_key, message, signature):
            raise Refusal(21120, "invalid signature")
        self._check_time(info)
        self._check_nonce(member, info)
        return _Taken(member, known, info, hash_bytes(message).hex())

    def _check_time(self, info: Mapping[str, Any]) -> None:
        if info["ExpiredAt"] * _MS_NS < self._now_ns():
            raise Refusal(21501, "transaction expired")

    def _check_nonce(self, member: Member, info: Mapping[str, Any]) -> None:
        nonce = info["Nonce"]
        if _attribute(info, Attribute.SKIP_NONCE):
            good = member.nonce < nonce < _NONCE_END
        else:
            good = nonce == member.nonce + 1
        if not good:
            raise Refusal(21104, "invalid nonce")

    def _market(self, index: object) -> Instrument:
        found = self._floor.natives.get(str(index))
        if not found:
            raise Refusal(21602, "invalid market index")
        return found[0]

    def _find(self, member: Member, info: Mapping[str, Any]) -> Slip:
        """Return the open order that `Index` names, by the client's number or the venue's."""
        instrument, index = self._market(info["MarketIndex"]), info["Index"]
        if index < _CLIENT_INDEX_END:
            slip = self._floor.find(member.name, text=str(index))
        else:
            slip = self._floor.slip(order_number(index))
        if slip is None or slip.account != member.name or slip.instrument != instrument or not slip.is_open:
            raise Refusal(21600, "order not found")
        return slip

    # -- how ------------------------------------------------------------------------------------------------------

    def _create(self, member: Member, info: Mapping[str, Any]) -> None:
        instrument = self._market(info["MarketIndex"])
        client = info["ClientOrderIndex"]
        if not 0 <= client < _CLIENT_INDEX_END:
            raise Refusal(21727, "invalid client order index")
        if client and (known := self._floor.find(member.name, text=str(client))) and known.is_open:
            raise Refusal(21728, "client order index already exists")
        intent = self._intent(info, instrument)
        behaviour = _attribute(info, Attribute.SELF_TRADE_BEHAVIOUR)
        if not 0 <= behaviour < len(_SELF_TRADE):
            raise Refusal(21501, "invalid self trade behavior")
        extra = {"type": str(info["Type"])}
        if intent.type.is_triggered:
            extra["sleeps"] = "1"
        slip = self._floor.place(
            member.name,
            intent,
            text=str(client) if client else "",
            self_trade=_SELF_TRADE[behaviour],
            extra=extra,
        )
        if slip.status is OrderStatus.REJECTED and not is_told(slip):
            code, text = _REFUSALS.get(slip.code, (21706, f"invalid order: {slip.reason}"))
            raise Refusal(code, text)

    def _intent(self, info: Mapping[str, Any], instrument: Instrument) -> OrderIntent:
        kind, tif, lots, ticks = info["Type"], info["TimeInForce"], info["BaseAmount"], info["Price"]
        if kind not in _AS_LIMITS:
            raise Refusal(21501, "invalid order type")
        if tif not in {IMMEDIATE, UNTIL_TIME, POST_ONLY}:
            raise Refusal(21705, "invalid order time in force")
        if not 0 < lots <= BASE_MAX:
            raise Refusal(21701, "invalid order base amount")
        if not 0 < ticks <= PRICE_MAX:
            raise Refusal(21702, "invalid order price")
        if lots < instrument.min_lots:
            raise Refusal(21706, "invalid order base or quote amount")
        made, trigger_ticks = _AS_LIMITS[kind], info["TriggerPrice"]
        if made.is_triggered != (0 < trigger_ticks <= PRICE_MAX):
            raise Refusal(21729, "invalid order trigger price")
        spot = instrument.kind is Kind.SPOT
        if spot and (made.is_triggered or info["ReduceOnly"]):
            raise Refusal(21501, "invalid order type on a spot market")
        if kind in {1, 2, 4} and tif != IMMEDIATE:
            raise Refusal(21705, "invalid order time in force")
        waits = tif != IMMEDIATE
        return OrderIntent(
            client_order_id=ClientOrderId(1),
            instrument=instrument.key,
            instrument_version=instrument.version,
            side=Side.SELL if info["IsAsk"] else Side.BUY,
            type=made,
            lots=lots,
            ticks=ticks,
            trigger=Trigger(ticks=trigger_ticks, by=TriggerPrice.MARK) if trigger_ticks else None,
            time_in_force=TimeInForce.GTD if waits else TimeInForce.IOC,
            expires_ns=self._expires_ns(info, waits=waits, triggered=made.is_triggered),
            post_only=tif == POST_ONLY,
            reduce_only=bool(info["ReduceOnly"]),
        )

    def _expires_ns(self, info: Mapping[str, Any], *, waits: bool, triggered: bool) -> int | None:
        expiry_ms, now_ms = info["OrderExpiry"], self._now_ns() // _MS_NS
        if not waits and not triggered:
            if expiry_ms:
                raise Refusal(21711, "invalid order expiry")
            return None
        if not now_ms + 5 * _MINUTE_MS - 1_000 <= expiry_ms <= now_ms + 30 * 24 * 60 * _MINUTE_MS:
            raise Refusal(21711, "invalid order expiry")
        if not waits:
            return None
        # The floor's time may run faster than the wall's.
        left_ns: int = expiry_ms * _MS_NS - self._now_ns()
        return self._floor.now_ns + left_ns

    def _cancel(self, member: Member, info: Mapping[str, Any]) -> None:
        self._floor.cancel(self._find(member, info))

    def _cancel_all(self, member: Member, info: Mapping[str, Any]) -> None:
        when, at_ms, now_ms = info["TimeInForce"], info["Time"], self._now_ns() // _MS_NS
        if when == 0:
            market = _attribute(info, Attribute.MARKET, _EVERY_MARKET)
            key = None if market == _EVERY_MARKET else self._market(market).key
            self._floor.cancel_all(member.name, key)
        elif when == 1:
            after_ms = at_ms - now_ms
            if not 5 * _MINUTE_MS - 1_000 <= after_ms <= 15 * 24 * 60 * _MINUTE_MS:
                raise Refusal(21714, "invalid cancel all time")
            self._floor.countdown(member.name, after_ms * _MS_NS)
            member.cancels_at_ms = at_ms
        elif when == 2:
            self._floor.countdown(member.name, 0)
            member.cancels_at_ms = 0
        else:
            raise Refusal(21713, "invalid cancel all time in force")

    def _modify(self, member: Member, info: Mapping[str, Any]) -> None:
        slip = self._find(member, info)
        lots, ticks, trigger = info["BaseAmount"], info["Price"], slip.intent.trigger
        if not 0 < lots <= BASE_MAX:
            raise Refusal(21701, "invalid order base amount")
        if not 0 < ticks <= PRICE_MAX:
            raise Refusal(21702, "invalid order price")
        if info["TriggerPrice"] != (0 if trigger is None else trigger.ticks):
            raise Refusal(21729, "this box does not move triggers: cancel the order and send another one")
        version = int(slip.extra.get("version", "0"))
        wanted = _attribute(info, Attribute.ORDER_VERSION)
        if wanted and wanted != version:
            raise Refusal(21709, "the order has changed in the meantime")
        slip.extra["version"] = str(version + 1)
        if refused := self._floor.amend(slip, lots=lots, ticks=ticks):
            slip.extra["version"] = str(version)
            raise Refusal(21706, f"invalid order: {refused}")

    def _leverage(self, member: Member, info: Mapping[str, Any]) -> None:
        instrument, fraction = self._market(info["MarketIndex"]), info["InitialMarginFraction"]
        isolated = bool(info["MarginMode"])
        if instrument.kind is Kind.SPOT or not 0 < fraction <= 10_000:
            raise Refusal(21113, "invalid initial margin fraction")
        exchange = self._floor.exchange
        try:
            if isolated != member.terms.get(instrument.key, (0, False))[1]:
                exchange.set_isolated(member.name, instrument.key, isolated)
        except UsageError:
            raise Refusal(
                21132, "margin mode change on a market with position or open order is not allowed"
            ) from None
        try:
            exchange.set_leverage(member.name, instrument.key, 10_000 // fraction)
        except UsageError:
            raise Refusal(21113, "invalid initial margin fraction") from None
        member.terms[instrument.key] = (fraction, isolated)

    def _margin(self, member: Member, info: Mapping[str, Any]) -> None:
        instrument = self._market(info["MarketIndex"])
        atoms = Money.of(info["USDCAmount"], "USDC").atoms // 10**6
        money = Money(atoms if info["Direction"] else -atoms, "USDC")
        try:
            self._floor.act(
                lambda exchange, now_ns: exchange.add_margin(member.name, instrument.key, money, now_ns)
            )
        except UsageError:
            raise Refusal(21614, "no position found") from None


_DOING: Final[Mapping[TransactionType, Callable[[Transactions, Member, Mapping[str, Any]], None]]] = {
    TransactionType.CREATE_ORDER: Transactions._create,  # noqa: SLF001  (a table of its own methods)
    TransactionType.CANCEL_ORDER: Transactions._cancel,  # noqa: SLF001
    TransactionType.CANCEL_ALL_ORDERS: Transactions._cancel_all,  # noqa: SLF001
    TransactionType.MODIFY_ORDER: Transactions._modify,  # noqa: SLF001
    TransactionType.UPDATE_LEVERAGE: Transactions._leverage,  # noqa: SLF001
    TransactionType.UPDATE_MARGIN: Transactions._margin,  # noqa: SLF001
}


def _member(account: BoxAccount) -> Member:
    fields = account.key
    key = LighterKey(
        int(fields["account_index"]), int(fields["api_key_index"]), Secret(fields["private_key"])
    )
    return Member(account.name, key.account_index, key.api_key_index, key.public_key)


def _is_whole(info: Mapping[str, Any]) -> bool:
    """Whether all numbers of a transaction are whole and not below zero, as its hash wants them."""
    signed = [
        value for name, value in info.items() if name not in {"Sig", "L2TxAttributes", "Orders", "L1Sig"}
    ]
    attributes = info.get("L2TxAttributes") or {}
    if not isinstance(attributes, dict) or not all(
        isinstance(key, str) and key.isdigit() for key in attributes
    ):
        return False
    numbers = [*signed, *attributes.values()]
    return all(type(number) is int and 0 <= number < 2**63 for number in numbers)


def _attribute(info: Mapping[str, Any], attribute: Attribute, default: int = 0) -> int:
    value: int = (info["L2TxAttributes"] or {}).get(str(int(attribute)), default)
    return value
