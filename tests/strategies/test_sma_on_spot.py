"""The crossing of two averages on a market where nobody can be short."""

import pytest

from xtrade import Sma, SmaParams, backtest, preset, synthetic_bars

MINUTE_NS = 60_000_000_000


@pytest.mark.parametrize("short", [True, False])
def test_on_a_spot_market_the_crossing_leaves_what_it_holds_instead_of_asking_for_a_short(short):
    """
    An order to be short is refused by the rule spot_holdings: the position would stay for ever.
    """
    bars = synthetic_bars(preset("trending"), seed=7, start_ns=0, interval_ns=MINUTE_NS, count=2_000)
    params = SmaParams(instrument="sim:BTC/USDT", fast=5, slow=20, base=0.1, short=short)

    result = backtest(Sma(params), list(bars.values()))

    assert set(result.fills["side"]) == {"buy", "sell"}
    assert len(result.fills) > 20
    assert result.run.unusual == {}
    assert (result.positions["lots"].min(), result.positions["lots"].max()) == (0, 1000)
