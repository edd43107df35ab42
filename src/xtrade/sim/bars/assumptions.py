"""What a back-test on bars assumes of a fill, each assumption by its name. The defaults are pessimistic."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from xtrade.model.errors import ConfigError
from xtrade.sim.bars.layout import SHARE_UNIT

__all__ = ["BarAssumptions"]


@dataclass(frozen=True, kw_only=True)
class BarAssumptions:
    """What is assumed of one instrument; docs/bars.md tells the whole story of an order.

    `spread_ticks`    between bid and ask; half of it (rounded up) is against us at the open and at the last close
    `slippage_ticks`  that a taker pays on top, up to its limit
    `through_ticks`   how far beyond a resting order's price a bar must have gone to fill it; 0 fills on a touch
    `volume_share`    how much of a bar's volume our orders together may be, above 0 and up to 1; None is no limit
    """

    spread_ticks: int = 2
    slippage_ticks: int = 1
    through_ticks: int = 1
    volume_share: Decimal | float | None = 0.1

    def __post_init__(self) -> None:
        for name in ("spread_ticks", "slippage_ticks", "through_ticks"):
            ticks = getattr(self, name)
            if type(ticks) is not int or not 0 <= ticks <= 1 << 32:
                raise ConfigError(f"{name} = {ticks!r}: expected a whole number of ticks, zero or more")
        share = self.volume_share
        if share is not None and not 1 <= share * SHARE_UNIT <= SHARE_UNIT:
            raise ConfigError(
                f"volume_share = {share}: expected a share above zero and up to 1, or None for no limit"
            )

    @classmethod
    def ideal(cls) -> BarAssumptions:
        """Fill everything, at the open itself or at a touch: to compare with tools that fill so, for nothing else."""
        return cls(spread_ticks=0, slippage_ticks=0, through_ticks=0, volume_share=None)

    @property
    def half_spread_ticks(self) -> int:
        """What either side is away from the middle, rounded against us."""
        return (self.spread_ticks + 1) // 2

    @property
    def share_millionths(self) -> int:
        """The share as the kernel counts it, rounded down; -1 without a limit."""
        return -1 if self.volume_share is None else int(Decimal(str(self.volume_share)) * SHARE_UNIT)

    @property
    def in_words(self) -> str:
        """What is assumed, in one sentence for people."""
        share = "any part" if self.volume_share is None else f"{float(self.volume_share):.0%}"
        return (
            f"orders act from the next bar on; spread {self.spread_ticks} ticks, slippage {self.slippage_ticks}; what"
            f" rests fills {self.through_ticks} ticks beyond its price; at most {share} of a bar's volume is ours"
        )
