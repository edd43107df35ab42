"""A back-test in five lines: two weeks of generated minutes, the classic crossing of two averages.

uv run python examples/backtest_in_five_lines.py
"""

from xtrade import Sma, SmaParams, backtest, preset, synthetic_bars

MINUTE_NS = 60_000_000_000


def main() -> None:
    """Generate, play, look."""
    bars = synthetic_bars(preset("trending"), seed=7, start_ns=0, interval_ns=MINUTE_NS, count=20_160)
    strategy = Sma(SmaParams(instrument="sim:BTC/USDT", fast=30, slow=240, base=0.1, short=False))
    result = backtest(strategy, list(bars.values()), seed=7)
    for title, figure in result.summary():
        print(f"{title:<20} {figure}")


if __name__ == "__main__":
    main()
