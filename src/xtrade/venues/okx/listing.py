"""The listing: rows of `public/instruments` as markets.

Quantities are coins on spot and contracts on swaps; what a contract is worth (`ctVal` x `ctMult`) differs by millions
from one coin to the other. Swaps that settle in the coin itself are left out, as is what cannot be read: a market that
cannot be counted cannot be traded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final

import msgspec
from msgspec import Struct

from xtrade.model.errors import NumberError, XtradeError
from xtrade.model.instruments import Instrument, Kind, TradingStatus
from xtrade.model.numbers import COUNT_MAX, number, product, steps
from xtrade.symbols import Symbol
from xtrade.venues.asks import Answer
from xtrade.venues.markets import Listed
from xtrade.venues.okx.wire import VENUE, rows

__all__ = ["read_listing"]

# What is not said here (`suspend`, `preopen`, `rebase`, `settling` and what may come) takes no orders.
_STATUS: Final[Mapping[str, TradingStatus]] = {
    "live": TradingStatus.TRADING,
    "post_only": TradingStatus.POST_ONLY,
    "expired": TradingStatus.CLOSED,
}
# The dollar order book, in which several stable coins pay, is a family of its own.
_FAMILIES: Final = ("_UM", "_CM")


class _Row(Struct, rename="camel"):
    inst_id: str
    inst_type: str
    state: str
    tick_sz: str
    lot_sz: str
    min_sz: str
    base_ccy: str = ""
    quote_ccy: str = ""
    settle_ccy: str = ""
    uly: str = ""
    ct_val: str = ""
    ct_mult: str = ""
    ct_type: str = ""
    max_lmt_sz: str = ""
    max_mkt_sz: str = ""
    inst_id_code: int | None = None
    group_id: str = ""


_ROWS: Final = msgspec.json.Decoder(list[_Row])


def read_listing(answer: Answer, fee_groups: dict[str, str] | None = None) -> tuple[Listed, ...]:
    """Read the markets of one kind; `fee_groups` takes in by which rates each is charged."""
    found = rows(answer, "instruments", _ROWS)
    if fee_groups is not None:
        fee_groups.update({row.inst_id: row.group_id for row in found})
    return tuple(_listed(found))


def _listed(found: list[_Row]) -> Iterator[Listed]:
    for row in found:
        # A row without a name is a place kept for a market to come; families of TEST are the demo's own.
        if not row.inst_id or row.inst_id.startswith("TEST") or row.state == "test":
            continue
        if row.inst_type == "SWAP" and row.ct_type != "linear":
            continue
        try:
            instrument = _instrument(row)
        except XtradeError:
            continue
        yield Listed(instrument, code="" if row.inst_id_code is None else str(row.inst_id_code))


def _instrument(row: _Row) -> Instrument:
    is_swap = row.inst_type == "SWAP"
    base, quote = row.base_ccy, row.quote_ccy
    if is_swap:
        base, _, quote = row.uly.partition("-")
        quote = next((quote.removesuffix(end) for end in _FAMILIES if quote.endswith(end)), quote)
    symbol = Symbol(base, quote, row.settle_ccy if is_swap else None)
    lot = number(row.lot_sz)
    if lot <= 0:
        raise NumberError(f"{row.inst_id}: a lot of {row.lot_sz}")
    return Instrument(
        venue=VENUE,
        symbol=str(symbol),
        native=row.inst_id,
        kind=Kind.LINEAR if is_swap else Kind.SPOT,
        base=base,
        quote=quote,
        settle=row.settle_ccy if is_swap else quote,
        tick=number(row.tick_sz),
        lot=lot,
        multiplier=_multiplier(row) if is_swap else Decimal(1),
        min_lots=max(1, steps(number(row.min_sz), lot, toward="up")),
        max_lots=_most(row.max_lmt_sz, lot),
        # On spot this limit is an amount of quote currency.
        max_market_lots=_most(row.max_mkt_sz, lot) if is_swap else COUNT_MAX,
        status=_STATUS.get(row.state, TradingStatus.HALTED),
    )


def _multiplier(row: _Row) -> Decimal:
    """Multiply two decimals exactly."""
    top, bottom = number(row.ct_mult or "1").as_integer_ratio()
    worth = product(top, number(row.ct_val))
    return product(steps(worth, product(bottom, _FINE)), _FINE) if bottom > 1 else worth


_FINE: Final = Decimal("1e-30")


def _most(text: str, lot: Decimal) -> int:
    return min(COUNT_MAX, max(1, steps(number(text), lot, toward="down"))) if text else COUNT_MAX
