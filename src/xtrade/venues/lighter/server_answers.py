"""The other end of Lighter's wire: its answers over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final
from urllib.parse import parse_qsl

import msgspec

from xtrade.model.instruments import Kind
from xtrade.venues.box.server import Asked
from xtrade.venues.lighter import server_rows as rows
from xtrade.venues.lighter.market_questions import RESOLUTIONS
from xtrade.venues.lighter.server_room import JSON, Room, l1_address
from xtrade.venues.lighter.server_transactions import Member, Refusal

__all__ = ["Answers"]

_MS_NS: Final = 1_000_000
_SECOND_NS: Final = 1_000_000_000
_MINUTE_NS: Final = 60 * _SECOND_NS
_WEIGHT_MAX: Final = 24_000
_COLLATERAL: Final = "USDC"
# Weights of what costs other than three hundred.
_WEIGHTS: Final[Mapping[str, int]] = {
    "sendTx": 6,
    "sendTxBatch": 6,
    "nextNonce": 6,
    "accountInactiveOrders": 100,
    "apikeys": 150,
    "trades": 600,
    "recentTrades": 600,
}


class Query(dict[str, str]):
    """What is asked with: the parameters, and what goes beside them."""

    def __init__(self, asked: Asked) -> None:
        super().__init__(asked.parameters)
        self._asked = asked

    @property
    def token(self) -> str:
        """What the client proves itself with."""
        return self._asked.headers.get("authorization") or self.get("auth") or ""

    @property
    def form(self) -> dict[str, str]:
        """What was posted."""
        return _form(self._asked)


class Answers:
    """Answers requests."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._spent: dict[str, tuple[int, int]] = {}

    def answer(self, asked: Asked) -> JSON:
        """Answer a request, or refuse it."""
        if asked.path == "/":
            return {"status": 200, "network_id": 1, "timestamp": self._room.now_ns() // _SECOND_NS}
        if asked.path == "/info":
            return {"contract_address": "0x" + "0" * 40}
        name = asked.path.removeprefix("/api/v1/")
        answer = _ANSWERS.get((asked.method, name))
        if answer is None or name == asked.path:
            raise Refusal(29404, "not found", 404)
        self._count(asked.peer, _WEIGHTS.get(name, 300))
        return {"code": 200, **answer(self, Query(asked))}

    def _count(self, peer: str, weight: int) -> None:
        minute = self._room.now_ns() // _MINUTE_NS
        began, spent = self._spent.get(peer, (minute, 0))
        spent = weight if began != minute else spent + weight
        if spent > _WEIGHT_MAX:
            raise Refusal(23000, "Too Many Requests!", 429)
        self._spent[peer] = (minute, spent)

    def _member(self, query: Query) -> Member:
        """Return the account that a private question is about, if the token is its own."""
        return self._room.transactions.by_token(query.token, int(query["account_index"]))

    def _details(self, query: Query) -> JSON:
        wanted = query.get("market_id", "255")
        listed = [each for each in self._room.listed(query) if wanted in {"255", each.native}]
        return {
            "order_book_details": [self._room.listing(each) for each in listed if each.kind is not Kind.SPOT],
            "spot_order_book_details": [
                self._room.listing(each) for each in listed if each.kind is Kind.SPOT
            ],
        }

    def _order_books(self, query: Query) -> JSON:
        return {"order_books": [self._room.listing(each, short=True) for each in self._room.listed(query)]}

    def _assets(self) -> JSON:
        return {
            "asset_details": [
                {
                    "asset_id": rows.ASSET_IDS[currency],
                    "symbol": currency,
                    "l1_decimals": 6 if currency == _COLLATERAL else 18,
                    "decimals": 6 if currency == _COLLATERAL else 8,
                    "min_transfer_amount": "1",
                    "min_withdrawal_amount": "1",
                    "margin_mode": "enabled" if currency == _COLLATERAL else "disabled",
                    "index_price": "1",
                    "l1_address": "0x" + "0" * 40,
                }
                for currency in self._room.floor.currencies()
            ]
        }

    def _book_orders(self, query: Query) -> JSON:
        instrument, limit = self._room.market(query), min(250, int(query.get("limit", "100")))
        book = self._room.floor.exchange.book(instrument.key)
        answer: JSON = {}
        for name, levels in (("asks", book.asks), ("bids", book.bids)):
            told = [
                {
                    "order_index": number,
                    "order_id": str(number),
                    "owner_account_index": 1,
                    "initial_base_amount": rows.size(lots, instrument),
                    "remaining_base_amount": rows.size(lots, instrument),
                    "price": rows.price(ticks, instrument),
                    "order_expiry": 0,
                    "transaction_time": 0,
                }
                for number, (ticks, lots) in enumerate(levels)
            ]
            answer |= {f"total_{name}": len(told), name: told[:limit]}
        return answer

    def _recent_trades(self, query: Query) -> JSON:
        instrument, limit = self._room.market(query), min(100, int(query["limit"]))
        trades = self._room.floor.chronicle.trades(instrument.key, limit)
        return {"trades": [rows.trade_row(each, instrument) for each in reversed(trades)] or None}

    def _candles(self, query: Query) -> JSON:
        instrument, word = self._room.market(query), query["resolution"]
        interval_ns = next((each for each, known in RESOLUTIONS.items() if known == word), None)
        if interval_ns is None:
            raise Refusal(20001, "invalid param: resolution")
        bars = self._room.floor.chronicle.bars(
            instrument.key,
            interval_ns,
            int(query["start_timestamp"]) * _MS_NS,
            int(query["end_timestamp"]) * _MS_NS,
        )[-min(500, int(query["count_back"])) :]
        candles = [
            {
                "t": bar.start_ns // _MS_NS,
                "o": float(instrument.price(bar.open_ticks)),
                "h": float(instrument.price(bar.high_ticks)),
                "l": float(instrument.price(bar.low_ticks)),
                "c": float(instrument.price(bar.close_ticks)),
                "v": float(instrument.quantity(bar.volume_lots)),
                "V": float(instrument.notional(ticks=bar.close_ticks, lots=bar.volume_lots).amount),
                "i": 0,
            }
            for bar in bars
        ]
        return {"r": word, "c": candles or None}

    def _fundings(self, query: Query) -> JSON:
        instrument = self._room.market(query)
        settled = self._room.floor.chronicle.settlements(
            instrument.key, int(query["start_timestamp"]) * _MS_NS, int(query["end_timestamp"]) * _MS_NS + 1
        )[-min(100, int(query["count_back"])) :]
        return {
            "resolution": query["resolution"],
            "fundings": [
                {
                    "timestamp": each.at_ns // _SECOND_NS,
                    "value": "0.00000000",
                    "rate": format(abs(each.rate.rate).scaleb(2), "f"),
                    "direction": "short" if each.rate.rate < 0 else "long",
                }
                for each in settled
            ],
        }

    def _funding_rates(self) -> JSON:
        return {
            "funding_rates": [
                {
                    "market_id": rows.market_id(self._room.floor.instruments[key]),
                    "exchange": "lighter",
                    "symbol": self._room.floor.instruments[key].base,
                    "rate": float(funding.rate * 8),
                }
                for key, funding in self._room.floor.chronicle.fundings.items()
            ]
        }

    def _exchange_stats(self) -> JSON:
        stats = []
        for instrument in self._room.floor.instruments.values():
            listed = self._room.listing(instrument)
            stats.append(
                {
                    name: listed[name]
                    for name in (
                        "symbol", "last_trade_price", "daily_trades_count", "daily_base_token_volume",
                        "daily_quote_token_volume", "daily_price_change",
                    )
                }
            )  # fmt: skip
        return {
            "total": len(stats),
            "order_book_stats": stats,
            "daily_usd_volume": 0.0,
            "daily_trades_count": 0,
        }

    def _send(self, query: Query) -> JSON:
        form = query.form
        return self._room.sent(
            [self._room.transactions.send(int(form["tx_type"]), form["tx_info"])], batch=False
        )

    def _send_batch(self, query: Query) -> JSON:
        form = query.form
        return self._room.send_all(form["tx_types"], form["tx_infos"])

    def _next_nonce(self, query: Query) -> JSON:
        member = self._room.of_index(query["account_index"])
        if int(query["api_key_index"]) != member.key_index:
            raise Refusal(21109, "api key not found")
        return {"nonce": member.nonce + 1}

    def _api_keys(self, query: Query) -> JSON:
        member = self._room.of_index(query["account_index"])
        key = {
            "account_index": member.index,
            "api_key_index": member.key_index,
            "nonce": member.nonce + 1,
            "public_key": member.public_key.hex(),
            "transaction_time": 0,
        }
        wanted = query.get("api_key_index", "255")
        return {"api_keys": [key] if wanted in {"255", str(member.key_index)} else []}

    def _transaction(self, query: Query) -> JSON:
        info = self._room.transactions.done.get(query["value"])
        if query["by"] != "hash" or info is None:
            raise Refusal(29404, "transaction not found")
        return {
            "hash": query["value"],
            "status": 2,
            "account_index": info["AccountIndex"],
            "nonce": info["Nonce"],
            "expire_at": info["ExpiredAt"],
            "info": msgspec.json.encode(info).decode(),
        }

    def _account(self, query: Query) -> JSON:
        value = query["value"]
        if query["by"] == "l1_address":
            found = [each for each in self._room.members.values() if l1_address(each) == value.lower()]
            if not found:
                raise Refusal(21100, "account not found")
            member = found[0]
        else:
            member = self._room.of_index(value)
        return {"total": 1, "accounts": [self._room.account_row(member)]}

    def _accounts_by_address(self, query: Query) -> JSON:
        address = query["l1_address"]
        found = [each for each in self._room.members.values() if l1_address(each) == address.lower()]
        if not found:
            raise Refusal(21100, "account not found", 404)
        return {
            "l1_address": address,
            "sub_accounts": [{"index": each.index, "l1_address": address} for each in found],
        }

    def _limits(self, query: Query) -> JSON:
        self._member(query)
        fees = next(iter(self._room.floor.instruments.values()))
        return {
            "max_llp_percentage": 25,
            "user_tier": "premium",
            "user_tier_name": "premium",
            "can_create_public_pool": True,
            "max_llp_amount": "0",
            "current_maker_fee_tick": int(fees.maker_fee.scaleb(6)),
            "current_taker_fee_tick": int(fees.taker_fee.scaleb(6)),
            "effective_lit_stakes": "0",
            "leased_lit": "0",
            "bo_user_tier_name": "",
            "bo_fee_rate": 1,
        }

    def _active_orders(self, query: Query) -> JSON:
        member = self._member(query)
        market = query.get("market_id", "255")
        key = None if market == "255" else self._room.market(query).key
        return {"orders": self._room.order_rows(member, self._room.floor.open_slips(member.name, key))}

    def _inactive_orders(self, query: Query) -> JSON:
        member = self._member(query)
        key = self._room.market(query).key if query.get("market_id", "255") != "255" else None
        ended = [
            slip
            for slip in self._room.floor.slips(member.name, key)
            if not slip.is_open and rows.is_told(slip)
        ]
        newest = ended[::-1]
        start, limit = int(query.get("cursor") or 0), min(100, int(query["limit"]))
        page = newest[start : start + limit]
        answer: JSON = {"orders": self._room.order_rows(member, page)}
        if start + limit < len(newest):
            answer["next_cursor"] = str(start + limit)
        return answer

    def _orders_of_clients(self, query: Query) -> JSON:
        member = self._member(query)
        names = query["client_order_indexes"].split(",")[:20]
        slips = [self._room.floor.find(member.name, text=name) for name in names]
        return {
            "orders": self._room.order_rows(member, [slip for slip in slips if slip and rows.is_told(slip)])
        }

    def _trades_of(self, query: Query) -> JSON:
        member = self._member(query)
        key = self._room.market(query).key if query.get("market_id", "255") != "255" else None
        done = self._room.floor.executed(member.name, key)
        if query.get("sort_dir", "desc") == "desc":
            done = done[::-1]
        start, limit = int(query.get("cursor") or 0), min(100, int(query["limit"]))
        answer: JSON = {
            "trades": [
                rows.own_trade_row(each.fill, each.slip, member.index) for each in done[start : start + limit]
            ]
        }
        if start + limit < len(done):
            answer["next_cursor"] = str(start + limit)
        return answer

    def _payments(self, query: Query) -> JSON:
        member = self._member(query)
        paid = self._room.floor.payments(member.name)[::-1][: min(100, int(query["limit"]))]
        return {
            "position_fundings": [
                {
                    "timestamp": (each.venue_ns or 0) // _SECOND_NS,
                    "market_id": rows.market_id(self._room.floor.instruments[each.instrument]),
                    "funding_id": number,
                    "change": rows.dollars(each.amount.amount),
                    "discount": "0.000000",
                    "rate": format((each.rate or Decimal(0)).scaleb(2), "f"),
                    "position_size": "0",
                    "position_side": "long",
                }
                for number, each in enumerate(paid)
            ]
        }


# ruff: noqa: SLF001  (a table of the class's own methods)
_ANSWERS: Final[Mapping[tuple[str, str], Callable[[Answers, Query], JSON]]] = {
    ("GET", "orderBookDetails"): Answers._details,
    ("GET", "orderBooks"): Answers._order_books,
    ("GET", "assetDetails"): lambda answers, _: answers._assets(),
    ("GET", "orderBookOrders"): Answers._book_orders,
    ("GET", "recentTrades"): Answers._recent_trades,
    ("GET", "candles"): Answers._candles,
    ("GET", "fundings"): Answers._fundings,
    ("GET", "funding-rates"): lambda answers, _: answers._funding_rates(),
    ("GET", "exchangeStats"): lambda answers, _: answers._exchange_stats(),
    ("POST", "sendTx"): Answers._send,
    ("POST", "sendTxBatch"): Answers._send_batch,
    ("GET", "nextNonce"): Answers._next_nonce,
    ("GET", "apikeys"): Answers._api_keys,
    ("GET", "tx"): Answers._transaction,
    ("GET", "account"): Answers._account,
    ("GET", "accountsByL1Address"): Answers._accounts_by_address,
    ("GET", "accountLimits"): Answers._limits,
    ("GET", "accountActiveOrders"): Answers._active_orders,
    ("GET", "accountInactiveOrders"): Answers._inactive_orders,
    ("GET", "accountOrders"): Answers._orders_of_clients,
    ("GET", "trades"): Answers._trades_of,
    ("GET", "positionFunding"): Answers._payments,
}


def _form(asked: Asked) -> dict[str, str]:
    """Read a form, which clients send encoded like a query, or in parts."""
    content_type = asked.headers.get("content-type", "")
    if "multipart/form-data" not in content_type:
        return dict(parse_qsl(asked.body.decode(), keep_blank_values=True))
    from email.parser import BytesParser
    from email.policy import HTTP

    whole = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {content_type}\r\n\r\n".encode() + asked.body)
    found = {}
    for part in whole.iter_parts():
        name = part.get_param("name", header="content-disposition")
        payload = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(payload, bytes):
            found[name] = payload.decode()
    return found
