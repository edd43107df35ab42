"""What a run leaves behind in memory, whoever ran it, and the tables that a result folder keeps of it.

Recording      instruments, strategies, capital, rows, samples, and what was unusual
OrderRow       an order as it was decided and what became of it, those refused before they were sent included
FillRow        a fill of the model, whose order it was, and the mid it met
FundingRow     a funding payment
Samples        best bid and ask of each instrument at some times
Unusual        how often something odd happened, with one example
TABLES         the Parquet files of a result folder: each column with its type and what it means

Rows keep integers and exact money; what the tables show of them (floats) is made in xtrade.research.accounting.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

import numpy as np
from msgspec import Struct

from xtrade.model.errors import DataError
from xtrade.model.fills import Fill
from xtrade.model.ids import ClientOrderId
from xtrade.model.instruments import Instrument
from xtrade.model.money import Money
from xtrade.model.orders import OrderType, TimeInForce
from xtrade.model.sides import Side

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "MARK_OUT_SECONDS",
    "REFUSED",
    "TABLES",
    "Column",
    "FillRow",
    "FundingRow",
    "OrderRow",
    "Recording",
    "Samples",
    "StrategyRun",
    "Unusual",
]

Times: TypeAlias = "NDArray[np.int64]"
Prices: TypeAlias = "NDArray[np.float64]"

REFUSED: Final = "refused"
"""The status of an order that the risk gate did not let out; every other status is an OrderStatus."""

MARK_OUT_SECONDS: Final = (1, 10, 60)
"""How long after a fill the market is looked at again."""


class OrderRow(Struct, frozen=True, kw_only=True):
    """One order: its terms as they last stood, and what became of it.

    Times are those of the strategy's clock: `accepted_ns` and `ended_ns` are when we heard. `reason` says in words
    why an order was refused, by the risk gate (status "refused") or by the venue ("rejected"), or how it ended.
    """

    client_order_id: ClientOrderId
    strategy: str
    instrument: str
    instrument_version: int = 1
    side: Side
    type: OrderType
    time_in_force: TimeInForce = TimeInForce.GTC
    post_only: bool = False
    reduce_only: bool = False
    ticks: int | None = None
    lots: int
    decided_ns: int
    accepted_ns: int | None = None
    ended_ns: int | None = None
    status: str
    executed_lots: int = 0
    reason: str = ""


class FillRow(Struct, frozen=True, kw_only=True):
    """One fill, heard at `received_ns`.

    `mid_at_fill` is the mid of the book that the fill met, before it; where it is None, the last sample before the
    venue's time of the fill stands for it.
    """

    client_order_id: ClientOrderId
    strategy: str
    instrument: str
    instrument_version: int = 1
    fill: Fill
    received_ns: int
    mid_at_fill: float | None = None

    @property
    def venue_ns(self) -> int:
        """When it happened; where the venue did not tell, when we heard."""
        return self.received_ns if self.fill.venue_ns is None else self.fill.venue_ns


class FundingRow(Struct, frozen=True, kw_only=True):
    """One funding payment on `lots` (negative: short): a positive amount was received."""

    time_ns: int
    strategy: str
    instrument: str
    amount: Money
    lots: int
    rate: Decimal | None = None


class Unusual(Struct, frozen=True):
    """How often something odd happened, and the first of it in words."""

    count: int
    example: str


class StrategyRun(Struct, frozen=True, kw_only=True):
    """One strategy of a run: its parameters, the file it stands in, and what it failed of, if it failed."""

    params: Mapping[str, object] = {}
    source: str = ""
    failure: str | None = None


@dataclass(frozen=True, eq=False)
class Samples:
    """Best bid and ask as prices at ascending times; NaN while a side is unknown or empty.

    Times need not be evenly spaced, only close enough: equity and mark-outs are as fine as the samples are. Where
    there are no books, bid and ask are both the last price.
    """

    times_ns: Times
    bid: Mapping[str, Prices]
    ask: Mapping[str, Prices]

    def __post_init__(self) -> None:
        steps = np.diff(self.times_ns)
        if (steps <= 0).any():
            at = int(np.argmax(steps <= 0)) + 1
            raise DataError(f"sample {at} is not later than the one before it: samples ascend in time")
        if self.bid.keys() != self.ask.keys():
            raise DataError(f"samples have bids of {sorted(self.bid)} and asks of {sorted(self.ask)}")
        for side, prices in (("bids", self.bid), ("asks", self.ask)):
            for key, column in prices.items():
                if column.shape != self.times_ns.shape:
                    raise DataError(f"{len(column)} {side} of {key} at {len(self.times_ns)} times")
                if (column <= 0).any():
                    raise DataError(f"the {side} of {key} have a price that is not above zero")

    def __len__(self) -> int:
        return len(self.times_ns)

    def mid(self, instrument: str) -> Prices:
        """Return the mid prices of an instrument; NaN where a side is missing."""
        if instrument not in self.bid:
            return np.full(len(self), np.nan)
        return (self.bid[instrument] + self.ask[instrument]) / 2


@dataclass(frozen=True, kw_only=True, eq=False)
class Recording:
    """Everything that a run leaves behind.

    `instruments` has every version that was in force, oldest first. `assumptions` and `data` are for people to
    read: what the fills assume, what was played. Rows of orders are in the order of their decisions, fills and
    funding in the order in which we heard of them.
    """

    instruments: Mapping[str, Sequence[Instrument]]
    strategies: Mapping[str, StrategyRun]
    capital: Money
    samples: Samples
    start_ns: int
    end_ns: int
    orders: Sequence[OrderRow] = ()
    fills: Sequence[FillRow] = ()
    funding: Sequence[FundingRow] = ()
    unusual: Mapping[str, Unusual] = field(default_factory=dict)
    seed: int | None = None
    kind: str = "back-test"
    """What kind of run it was, in words."""
    assumptions: Sequence[str] = ()
    data: Sequence[str] = ()
    config: Mapping[str, object] = field(default_factory=dict)
    same_as: Collection[str] = ()
    """Currencies of which one counts as one of the capital's."""

    def __post_init__(self) -> None:
        if self.capital.atoms <= 0:
            raise DataError(f"a capital of {self.capital}: returns are measured against more than nothing")
        if self.end_ns < self.start_ns:
            raise DataError(f"the recording ends at {self.end_ns} ns, before its start at {self.start_ns} ns")

    def instrument(self, key: str, version: int) -> Instrument:
        """Return one version of an instrument, or raise DataError."""
        for instrument in self.instruments.get(key, ()):
            if instrument.version == version:
                return instrument
        raise DataError(f"the recording does not know version {version} of {key}")


class Column(NamedTuple):
    """One column of a table: `dtype` is int64, float64, bool or str; what is unknown is null."""

    name: str
    dtype: str
    means: str


_MARK_OUTS: Final = tuple(
    column
    for seconds in MARK_OUT_SECONDS
    for column in (
        Column(f"mid_{seconds}s", "float64", f"the mid {seconds} s later; null after the end of the data"),
        Column(f"markout_{seconds}s", "float64", f"what the fill had earned {seconds} s later, in quote"),
        Column(f"markout_{seconds}s_bps", "float64", "the same in basis points of the fill's price"),
    )
)

TABLES: Final[Mapping[str, tuple[Column, ...]]] = {
    "orders": (
        Column("client_order_id", "int64", "our name for the order"),
        Column("strategy", "str", "whose order it was"),
        Column("instrument", "str", "such as binance:BTC/USDT"),
        Column("side", "str", "buy, sell"),
        Column("type", "str", "limit, market, …"),
        Column("time_in_force", "str", "gtc, gtd, ioc, fok"),
        Column("post_only", "bool", "refused rather than taking"),
        Column("reduce_only", "bool", "may only bring the position nearer to zero"),
        Column("ticks", "int64", "limit price in ticks; null without one"),
        Column("lots", "int64", "total quantity in lots"),
        Column("price", "float64", "limit price"),
        Column("quantity", "float64", "total quantity in the venue's unit"),
        Column("decided_ns", "int64", "when the strategy decided"),
        Column("accepted_ns", "int64", "when we heard that the venue has it; null if never"),
        Column("ended_ns", "int64", "when we heard that it was over; null if it was open at the end"),
        Column(
            "status", "str", "filled, canceled, expired, rejected (by the venue), refused (by a risk rule), …"
        ),
        Column("executed_lots", "int64", "what traded of it"),
        Column("average_price", "float64", "of its fills; null without fills"),
        Column("reason", "str", "why it was refused or ended, in words"),
    ),
    "fills": (
        Column("trade_id", "str", "the venue's name for the trade"),
        Column("client_order_id", "int64", "the order that traded"),
        Column("strategy", "str", "whose order it was"),
        Column("instrument", "str", "such as binance:BTC/USDT"),
        Column("side", "str", "buy, sell"),
        Column("ticks", "int64", "price in ticks"),
        Column("lots", "int64", "quantity in lots, unsigned"),
        Column("price", "float64", "price"),
        Column("quantity", "float64", "quantity in the venue's unit, unsigned"),
        Column("value", "float64", "worth in quote currency, unsigned"),
        Column("fee", "float64", "paid (negative: a rebate), in fee_currency; null if never told"),
        Column("fee_currency", "str", "what the fee was paid in"),
        Column("maker", "bool", "whether the order had been waiting; null if never told"),
        Column("venue_ns", "int64", "when it happened"),
        Column("received_ns", "int64", "when we heard, and booked it"),
        Column("mid_at_fill", "float64", "the mid of the book that the fill met"),
        *_MARK_OUTS,
    ),
    "positions": (
        Column(
            "time_ns",
            "int64",
            "each sample, fill and funding payment; samples that change nothing are left out",
        ),
        Column("strategy", "str", "who holds it"),
        Column("instrument", "str", "what is held"),
        Column("lots", "int64", "signed; negative is short"),
        Column("quantity", "float64", "signed, in the venue's unit"),
        Column("entry_price", "float64", "average; null when flat"),
        Column("mark_price", "float64", "the mid it is valued at; null while unknown"),
        Column("realised", "float64", "profit of what was closed, before fees, in the report currency"),
        Column("unrealised", "float64", "profit of what is held at mark_price, in the report currency"),
        Column("fees", "float64", "paid so far, in the report currency"),
        Column("funding", "float64", "received so far, in the report currency"),
        Column("spread", "float64", "earned by fills against the mid they met, in the report currency"),
        Column("inventory", "float64", "earned by the mid while holding, in the report currency"),
    ),
    "equity": (
        Column("time_ns", "int64", "each sample"),
        Column(
            "equity", "float64", "capital + realised + unrealised - fees + funding, in the report currency"
        ),
        Column("realised", "float64", "sum over the positions"),
        Column("unrealised", "float64", "sum over the positions"),
        Column("fees", "float64", "paid so far"),
        Column("funding", "float64", "received so far"),
        Column("spread", "float64", "sum over the positions; spread + inventory = realised + unrealised"),
        Column("inventory", "float64", "sum over the positions"),
        Column("gross_exposure", "float64", "sum of the positions' worth, shorts counted positive"),
        Column("net_exposure", "float64", "sum of the positions' worth, shorts counted negative"),
        Column("drawdown", "float64", "how far equity is below its highest so far, as a fraction of that"),
    ),
    "funding": (
        Column("time_ns", "int64", "when we heard of it"),
        Column("strategy", "str", "whose position it was paid on"),
        Column("instrument", "str", "what was held"),
        Column("amount", "float64", "received (negative: paid), in currency"),
        Column("currency", "str", "the settlement currency"),
        Column("rate", "float64", "of the period; null if not told"),
        Column("lots", "int64", "what was held, signed"),
    ),
    "round_trips": (
        Column("strategy", "str", "whose trade it was"),
        Column("instrument", "str", "what was traded"),
        Column("side", "str", "long, short"),
        Column("opened_ns", "int64", "the fill that opened it"),
        Column(
            "closed_ns", "int64", "the fill that closed or flipped it; what is still open is not in the table"
        ),
        Column("fills", "int64", "how many fills it took, both of these included"),
        Column("lots", "int64", "the most that was held, unsigned"),
        Column("profit", "float64", "before fees and funding, in the report currency"),
        Column("fees", "float64", "paid, in the report currency"),
        Column("funding", "float64", "received, in the report currency"),
        Column("net", "float64", "profit - fees + funding"),
    ),
}
"""The Parquet files of a result folder, `NAME.parquet`, and their columns in order."""
