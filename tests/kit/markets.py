"""Instruments, fills and amounts of money, as hypothesis draws them."""

from decimal import Decimal

from hypothesis import strategies as st

from xtrade.model.fills import Fill
from xtrade.model.instruments import Instrument, Kind, TickBand
from xtrade.model.money import Money
from xtrade.model.sides import Side

SETTLED_IN = {Kind.SPOT: "USDT", Kind.LINEAR: "USDT", Kind.INVERSE: "BTC"}
SYMBOL = {Kind.SPOT: "BTC/USDT", Kind.LINEAR: "BTC/USDT:USDT", Kind.INVERSE: "BTC/USD:BTC"}

sides = st.sampled_from(Side)
kinds = st.sampled_from(Kind)
currencies = st.sampled_from(["USDT", "BTC", "BNB"])
money = st.builds(Money, st.integers(-(10**40), 10**40), currencies)

_steps = st.sampled_from(
    [Decimal(s) for s in ("0.00000001", "0.0001", "0.05", "0.1", "0.25", "1", "2.5", "10")]
)
_multipliers = st.sampled_from([Decimal(s) for s in ("1", "0.01", "0.001", "100", "10")])


def instrument(kind=Kind.LINEAR, **changed):
    """One plain instrument, with what a test wants changed."""
    fields = {
        "venue": "binance",
        "symbol": SYMBOL[kind],
        "native": "BTCUSDT",
        "kind": kind,
        "base": "BTC",
        "quote": "USD" if kind is Kind.INVERSE else "USDT",
        "settle": SETTLED_IN[kind],
        "tick": Decimal("0.1"),
        "lot": Decimal(1) if kind is Kind.INVERSE else Decimal("0.001"),
        "multiplier": Decimal(100) if kind is Kind.INVERSE else Decimal(1),
    }
    return Instrument(**fields | changed)


@st.composite
def instruments(draw, kind=None):
    """Any instrument: any kind, grid, contract size, with or without a tick table."""
    kind = draw(kinds) if kind is None else kind
    bands = ()
    if draw(st.booleans()):
        bands = (TickBand(Decimal(100), Decimal(50)), TickBand(Decimal(1000), Decimal(500)))
    return instrument(
        kind,
        tick=draw(st.sampled_from([Decimal("0.5"), Decimal("0.01"), Decimal(10)]) if bands else _steps),
        lot=draw(_steps),
        multiplier=draw(_multipliers),
        tick_bands=bands,
    )


@st.composite
def fills(draw, trade_ids=st.integers(1, 10**9).map(str), fee=st.none() | money):
    """One fill at any price and size."""
    return Fill(
        trade_id=draw(trade_ids),
        side=draw(sides),
        ticks=draw(st.integers(1, 10**7)),
        lots=draw(st.integers(1, 10**6)),
        fee=draw(fee),
        maker=draw(st.none() | st.booleans()),
        venue_ns=draw(st.none() | st.integers(0, 2**62)),
    )
