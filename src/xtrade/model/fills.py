"""Fills: what a trade of ours did."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from xtrade.model.errors import NumberError
from xtrade.model.money import Money
from xtrade.model.numbers import Count
from xtrade.model.sides import Side

__all__ = ["Fill"]


class Fill(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One execution of one order, named by the venue's trade id.

    `fee` is None while the venue has not told it (some streams leave it out); it is negative for a rebate.
    """

    trade_id: str
    side: Side
    ticks: Count
    lots: Count
    fee: Money | None = None
    maker: bool | None = None
    venue_ns: int | None = None

    def __post_init__(self) -> None:
        if self.lots < 1:
            raise NumberError(f"trade {self.trade_id}: {self.lots} lots are no trade")

    @property
    def signed_lots(self) -> int:
        """What the fill adds to a position."""
        return self.side.sign * self.lots

    @property
    def undone(self) -> Fill:
        """The fill that takes this one back: the other side, at the same price, with the fee returned.

        Lots, fees and the sum of realised and unrealised are as if it had never been. Where fills came between, the
        split of that sum is not: average cost has moved.
        """
        fee = None if self.fee is None else -self.fee
        return replace(self, side=self.side.opposite, fee=fee)

    def knowledge(self) -> tuple[object, ...]:
        """Order two reports of one trade by how much they tell; the larger is kept, whichever came first."""
        fee = self.fee
        return (
            fee is not None,
            self.maker is not None,
            self.venue_ns is not None,
            # Reports of equal depth that differ are a venue's mistake; any fixed choice between them will do.
            self.ticks,
            self.lots,
            (fee.currency, fee.atoms) if fee else ("", 0),
            self.maker or False,
            self.venue_ns or 0,
            self.side.value,
        )
