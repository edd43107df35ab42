"""Books that stand still, and hypothesis strategies for them."""

from dataclasses import dataclass

from hypothesis import strategies as st

from kit.markets import instrument
from xtrade.model.instruments import Instrument
from xtrade.model.sides import Side


@dataclass
class StandingBook:
    """Levels (ticks, lots), best first."""

    instrument: Instrument
    bids: list
    asks: list
    is_trusted: bool = True

    @property
    def bid_ticks(self):
        return self.bids[0][0] if self.bids else None

    @property
    def ask_ticks(self):
        return self.asks[0][0] if self.asks else None

    @property
    def bid_lots(self):
        return self.bids[0][1] if self.bids else 0

    @property
    def ask_lots(self):
        return self.asks[0][1] if self.asks else 0

    @property
    def mid_ticks(self):
        return (self.bid_ticks + self.ask_ticks) / 2 if self.bids and self.asks else None

    def levels(self, side, count):
        return (self.bids if side is Side.BUY else self.asks)[:count]


def book(bids=((99, 5), (98, 10)), asks=((101, 5), (102, 10)), *, trusted=True, **of):
    """One book; the instrument's fields may be changed."""
    return StandingBook(instrument(**of), list(bids), list(asks), trusted)


def sides_of_books(lowest, highest):
    """Return some levels between two prices, in ascending order."""
    prices = st.lists(st.integers(lowest, highest), unique=True, max_size=6).map(sorted)
    return prices.flatmap(
        lambda ticks: st.tuples(*(st.tuples(st.just(each), st.integers(1, 50)) for each in ticks)).map(list)
    )


def books(**of):
    """Return strategies for books whose bids are below 1000 ticks and asks above."""
    return st.builds(
        lambda bids, asks: book(bids[::-1], asks, **of), sides_of_books(900, 999), sides_of_books(1001, 1100)
    )
