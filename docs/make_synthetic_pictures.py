"""Draw the pictures of docs/synthetic-markets.md from markets made anew, and print the figures of its table.

uv run python docs/make_synthetic_pictures.py
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np

from xtrade.model.events import Trade
from xtrade.model.sides import Side
from xtrade.sim.matching.exchange import Exchange
from xtrade.sim.replay.tape import Tape
from xtrade.sim.synthetic.bars import synthetic_bars, synthetic_funding
from xtrade.sim.synthetic.facts import autocorrelation, lead, looked_at, trades_of
from xtrade.sim.synthetic.fundamental import Fundamental
from xtrade.sim.synthetic.presets import preset
from xtrade.sim.synthetic.tapes import synthetic_tape
from xtrade.sim.synthetic.traders import SyntheticTraders

IMAGES: Final = Path(__file__).parent / "images" / "synthetic"
SEED: Final = 7
START_NS: Final = 1_700_000_000_000_000_000
SECOND_NS: Final = 1_000_000_000
MINUTE_NS: Final = 60 * SECOND_NS
HOUR_NS: Final = 60 * MINUTE_NS
HOURS: Final = 24
KEY: Final = "sim:BTC/USDT"

WIDTH, HEIGHT = 760, 300
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 44, 46
# The colours follow the reader's system; the ground is the picture's own, so that it can be read on any page.
STYLE: Final = """
.ground{fill:#fff} text{fill:#37474f;font:12px system-ui,sans-serif} .title{font-size:14px;font-weight:600}
.grid{stroke:#cfd8dc;stroke-width:1} .axis{stroke:#78909c;stroke-width:1} path{fill:none;stroke-width:1.6}
.a{stroke:#00796b} .b{stroke:#e07a1f} .c{stroke:#7e57c2} .fa{fill:#00796b} .fb{fill:#e07a1f} .fc{fill:#7e57c2}
.band-b{fill:#e07a1f;opacity:.16} .band-c{fill:#7e57c2;opacity:.16}
@media (prefers-color-scheme: dark){.ground{fill:#1e2129} text{fill:#cfd8dc} .grid{stroke:#37404d}
.axis{stroke:#90a4ae} .a{stroke:#4db6ac} .b{stroke:#ffb74d} .c{stroke:#b39ddb} .fa{fill:#4db6ac} .fb{fill:#ffb74d}
.fc{fill:#b39ddb} .band-b{fill:#ffb74d;opacity:.2} .band-c{fill:#b39ddb;opacity:.22}}
"""


@dataclass
class Picture:
    """One diagram: what is drawn is given in its own units, and put on paper at the end."""

    title: str
    across: str
    up: str
    x: tuple[float, float]
    y: tuple[float, float]
    log_x: bool = False
    x_ticks: Sequence[float] = ()
    y_ticks: Sequence[float] = ()
    body: list[str] = field(default_factory=list)
    legend: list[tuple[str, str]] = field(default_factory=list)

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a point lies on paper."""
        low, high = (math.log(end) for end in self.x) if self.log_x else self.x
        across = ((math.log(x) if self.log_x else x) - low) / (high - low)
        up = (y - self.y[0]) / (self.y[1] - self.y[0])
        return LEFT + across * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM)

    def line(self, xs: Iterable[float], ys: Iterable[float], colour: str, name: str = "") -> None:
        """Join points."""
        points = [self.at(float(x), float(y)) for x, y in zip(xs, ys, strict=True)]
        self.body.append(
            f'<path class="{colour}" d="M' + "L".join(f"{x:.1f} {y:.1f}" for x, y in points) + '"/>'
        )
        self._name(colour, name)

    def bars(
        self, xs: Sequence[float], ys: Sequence[float], width: float, colour: str, name: str = ""
    ) -> None:
        """Stand bars of a width (in units of x) on zero."""
        for x, y in zip(xs, ys, strict=True):
            left, top = self.at(x - width / 2, max(y, 0.0))
            right, foot = self.at(x + width / 2, min(y, 0.0))
            self.body.append(
                f'<rect class="f{colour}" x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}"'
                f' height="{max(foot - top, 0.5):.1f}"/>'
            )
        self._name(colour, name)

    def band(self, start: float, end: float, colour: str, name: str = "") -> None:
        """Shade a stretch of x."""
        (left, top), (right, foot) = self.at(start, self.y[1]), self.at(end, self.y[0])
        self.body.append(
            f'<rect class="band-{colour}" x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}"'
            f' height="{foot - top:.1f}"/>'
        )
        self._name(colour, name)

    def write(self, name: str) -> None:
        """Put it on paper."""
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">',
            f"<title>{self.title}</title><style>{STYLE}</style>",
            f'<rect class="ground" width="{WIDTH}" height="{HEIGHT}" rx="6"/>',
            f'<text class="title" x="{LEFT}" y="22">{self.title}</text>',
        ]
        for x in self.x_ticks:
            across, foot = self.at(x, self.y[0])
            parts.append(f'<path class="grid" d="M{across:.1f} {TOP}V{foot:.1f}"/>')
            parts.append(f'<text x="{across:.1f}" y="{foot + 17:.1f}" text-anchor="middle">{x:,g}</text>')
        for y in self.y_ticks:
            left, up = self.at(self.x[0], y)
            parts.append(f'<path class="grid" d="M{left:.1f} {up:.1f}H{WIDTH - RIGHT}"/>')
            parts.append(f'<text x="{left - 8:.1f}" y="{up + 4:.1f}" text-anchor="end">{y:,g}</text>')
        parts += self.body
        zero = self.at(self.x[0], min(max(0.0, self.y[0]), self.y[1]))[1]
        parts.append(f'<path class="axis" d="M{LEFT} {zero:.1f}H{WIDTH - RIGHT}"/>')
        parts.append(f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 10}" text-anchor="end">{self.across}</text>')
        parts.append(f'<text x="{LEFT}" y="{TOP - 7}">{self.up}</text>')
        right = WIDTH - RIGHT
        for colour, text in reversed(self.legend):
            parts.append(f'<text x="{right}" y="22" text-anchor="end">{text}</text>')
            right -= 7.2 * len(text) + 16
            parts.append(f'<rect class="f{colour}" x="{right:.1f}" y="12" width="11" height="11" rx="2"/>')
            right -= 14
        IMAGES.mkdir(parents=True, exist_ok=True)
        (IMAGES / f"{name}.svg").write_text("\n".join([*parts, "</svg>", ""]))
        print(f"docs/images/synthetic/{name}.svg")

    def _name(self, colour: str, name: str) -> None:
        if name and (colour, name) not in self.legend:
            self.legend.append((colour, name))


def main() -> None:
    """Make the markets and draw them."""
    tape = synthetic_tape(preset("two-venues"), seed=SEED, start_ns=START_NS, duration_ns=HOURS * HOUR_NS)
    draw_price(tape)
    draw_spread(tape)
    draw_depth(tape)
    draw_signs(tape)
    draw_volatility(tape)
    draw_response(tape)
    draw_lead(tape)
    draw_basis()


def draw_price(tape: Tape) -> None:
    """Twelve hours of price, with the regimes beneath."""
    hours = 12
    mid = looked_at(tape, KEY, every_ns=20 * SECOND_NS).mid[: hours * 180]
    low, high = math.floor(mid.min() / 200) * 200, math.ceil(mid.max() / 200) * 200
    picture = Picture(
        "Twelve hours of BTC/USDT and the regimes beneath",
        "hours",
        "price",
        (0, hours),
        (low, high),
        x_ticks=range(hours + 1),
        y_ticks=range(low, high + 1, max(200, (high - low) // 1000 * 200)),
    )
    regimes = Fundamental(preset("two-venues"), SEED).advance(hours * 60).regime
    names = [regime.name for regime in preset("two-venues").regimes]
    turns = [0, *(np.flatnonzero(np.diff(regimes)) + 1).tolist(), len(regimes)]
    for start, end in pairwise(turns):
        name = names[regimes[start]]
        if name != "calm":
            picture.band(start / 60, end / 60, {"busy": "b", "trend": "c"}[name], name)
    picture.line(np.arange(len(mid)) / 180, mid, "a", "mid price")
    picture.write("price")


def draw_spread(tape: Tape) -> None:
    """How wide the book is, in quiet and in wild minutes."""
    looks = looked_at(tape, KEY, every_ns=SECOND_NS)
    spread = looks.spread[1:]
    wild = np.convolve(np.abs(np.diff(np.log(looks.mid))), np.ones(60) / 60, "same")
    quiet, rough = wild < np.quantile(wild, 0.25), wild > np.quantile(wild, 0.75)
    widths = range(1, 13)
    shares = [[float((spread[which] == width).mean()) for width in widths] for which in (quiet, rough)]
    picture = Picture(
        "Spread, looked at each second",
        "ticks",
        "share of looks",
        (0.4, 12.6),
        (0, 0.6),
        x_ticks=widths,
        y_ticks=(0, 0.2, 0.4, 0.6),
    )
    picture.bars([width - 0.2 for width in widths], shares[0], 0.38, "a", "quiet minutes")
    picture.bars([width + 0.2 for width in widths], shares[1], 0.38, "b", "wild minutes")
    picture.write("spread")
    print(
        f"  spread mean {spread.mean():.2f} quiet {spread[quiet].mean():.2f} wild {spread[rough].mean():.2f}"
    )
    print(f"  crossed {looks.crossed} rows {len(tape.rows)}")


def draw_depth(tape: Tape) -> None:
    """What stands how far from the best price."""
    depth = looked_at(tape, KEY, every_ns=SECOND_NS, deep=60).depth * 1e-4
    top = math.ceil(depth.max() * 10) / 10
    picture = Picture(
        "Mean depth by distance from the best price",
        "ticks from the best price",
        "BTC on a level",
        (-0.6, 59.6),
        (0, top),
        x_ticks=range(0, 60, 10),
        y_ticks=[step / 10 for step in range(int(top * 10) + 1)],
    )
    picture.bars(range(60), depth.tolist(), 0.7, "a")
    picture.write("depth")
    print(f"  touch {depth[0]:.2f} hump {depth.max():.2f} at {int(depth.argmax())} far {depth[50]:.2f}")


def draw_signs(tape: Tape) -> None:
    """How long buyers follow buyers, in both forms."""
    lags = list(range(1, 11)) + list(range(12, 201, 4))
    traders = SyntheticTraders(preset("two-venues"), Exchange(feeds=()), seed=SEED, start_ns=START_NS)
    # What one taker took from several orders is one trade.
    signs = dict.fromkeys(
        (event.venue_ns, 1 if event.taker is Side.BUY else -1)
        for _, event in traders.step(START_NS + 6 * HOUR_NS)
        if isinstance(event, Trade)
    )
    told = autocorrelation(trades_of(tape, KEY).sign, lags)
    lived = autocorrelation([sign for _, sign in signs], lags)
    picture = Picture(
        "Autocorrelation of the signs of trades",
        "trades later",
        "correlation",
        (1, 200),
        (-0.05, 0.45),
        log_x=True,
        x_ticks=(1, 2, 5, 10, 20, 50, 100, 200),
        y_ticks=(0, 0.1, 0.2, 0.3, 0.4),
    )
    picture.line(lags, told, "a", "tape")
    picture.line(lags, lived, "b", "traders")
    picture.write("signs")
    by_lag = dict(zip(lags, told, strict=True)), dict(zip(lags, lived, strict=True))
    print("  signs", [[f"{each[lag]:.2f}" for lag in (1, 5, 10, 20, 100)] for each in by_lag])
    counts = np.bincount((trades_of(tape, KEY).ns - START_NS) // SECOND_NS)
    lots = trades_of(tape, KEY).lots
    print(f"  trades a second {counts.mean():.2f} fano {counts.var() / counts.mean():.1f}")
    print(
        f"  lots q99/median {np.quantile(lots, 0.99) / np.median(lots):.0f} max {lots.max() / np.median(lots):.0f}"
    )


def draw_volatility(tape: Tape) -> None:
    """Returns forget at once, their size does not."""
    returns = np.diff(np.log(looked_at(tape, KEY, every_ns=SECOND_NS).mid))
    lags = sorted({round(1.25**power) for power in range(36)})
    plain, size = autocorrelation(returns, lags), autocorrelation(np.abs(returns), lags)
    picture = Picture(
        "Autocorrelation of one-second returns, and of their size",
        "seconds later",
        "correlation",
        (1, 2500),
        (-0.1, 0.4),
        log_x=True,
        x_ticks=(1, 10, 60, 600, 2000),
        y_ticks=(-0.1, 0, 0.1, 0.2, 0.3, 0.4),
    )
    picture.line(lags, size, "b", "size of returns")
    picture.line(lags, plain, "a", "returns")
    picture.write("volatility")
    print("  returns", autocorrelation(returns, [1, 2, 5, 10]).round(3))
    print("  size", autocorrelation(np.abs(returns), [1, 60, 600, 3600]).round(3))
    for seconds in (1, 60, 600):
        coarse = np.diff(np.log(looked_at(tape, KEY, every_ns=SECOND_NS).mid[::seconds]))
        print(f"  kurtosis at {seconds} s {((coarse / coarse.std()) ** 4).mean():.1f}", end="")
        print(f" annual {coarse.std() * math.sqrt(31_536_000 / seconds):.2f}")


def draw_response(tape: Tape) -> None:
    """What a trade does to the price, by its size."""
    looks, trades = looked_at(tape, KEY, every_ns=SECOND_NS // 10), trades_of(tape, KEY)
    tenths = [1, 2, 3, 5, 8, 12, 20, 30, 50, 80, 120, 200, 300, 450, 600]
    at = np.searchsorted(looks.ns, trades.ns) - 1
    fits = (at >= 0) & (at < len(looks.ns) - 601)
    large = trades.lots > np.quantile(trades.lots, 0.9)
    picture = Picture(
        "How far the mid moved in a trade's direction",
        "seconds later",
        "ticks",
        (0.1, 60),
        (0, 5),
        log_x=True,
        x_ticks=(0.1, 1, 10, 60),
        y_ticks=range(6),
    )
    for which, colour, name in ((~large, "a", "nine of ten trades"), (large, "b", "the largest tenth")):
        some = fits & which
        moved = [
            float((trades.sign[some] * (looks.mid[at[some] + after] - looks.mid[at[some]])).mean())
            for after in tenths
        ]
        picture.line([after / 10 for after in tenths], moved, colour, name)
        print(f"  response {name}", [f"{each:.2f}" for each in moved])
    picture.write("response")
    edge = [
        float((trades.sign[fits] * (trades.ticks[fits] - looks.mid[at[fits] + after])).mean())
        for after in (10, 100, 600)
    ]
    print("  what makers keep after 1, 10, 60 s, in ticks", [f"{each:.2f}" for each in edge])


def draw_lead(tape: Tape) -> None:
    """Which venue moves first."""
    mids = [looked_at(tape, key, every_ns=SECOND_NS // 10).mid for key in tape.keys]
    shorter = min(len(mid) for mid in mids)
    first, second = (np.diff(np.log(mid[:shorter])) for mid in mids)
    lags = range(-10, 16)
    by_lag = lead(first, second, lags)
    picture = Picture(
        "Correlation of returns on sim with those on sim2, which follows 300 ms late",
        "seconds by which sim2 is later",
        "correlation of 100 ms returns",
        (-1.05, 1.55),
        (0, 0.6),
        x_ticks=(-1, -0.5, 0, 0.5, 1, 1.5),
        y_ticks=(0, 0.2, 0.4, 0.6),
    )
    picture.bars([lag / 10 for lag in lags], by_lag.tolist(), 0.07, "a")
    picture.write("lead")
    print(f"  lead {by_lag.max():.2f} at {lags[int(by_lag.argmax())]}, at 0 {by_lag[10]:.2f}")


def draw_basis() -> None:
    """What a perpetual is above spot, and what that costs its longs."""
    days = 10
    world = preset("spot-and-perpetual")
    count = days * 24 * 12
    bars = synthetic_bars(world, seed=SEED, start_ns=START_NS, interval_ns=5 * MINUTE_NS, count=count)
    spot, perpetual = bars.values()
    basis = (perpetual.close_ticks / spot.close_ticks - 1) * 1e4
    (funding,) = synthetic_funding(
        world, seed=SEED, start_ns=START_NS, duration_ns=days * 24 * HOUR_NS
    ).values()
    picture = Picture(
        "Basis of the perpetual, and the funding rate of each eight hours",
        "days",
        "basis points",
        (0, days),
        (-25, 25),
        x_ticks=range(days + 1),
        y_ticks=(-20, -10, 0, 10, 20),
    )
    picture.line((np.arange(count) + 1) / (24 * 12), np.clip(basis, -25, 25), "a", "basis")
    due = (funding.time_ns - START_NS) / (24 * HOUR_NS)
    picture.bars(due.tolist(), (funding.rates * 1e-8).tolist(), 0.08, "b", "funding")
    picture.write("basis")
    print(f"  basis mean {basis.mean():.2f} sd {basis.std():.2f} half-life", end=" ")
    print(f"{5 * math.log(0.5) / math.log(autocorrelation(basis, [1])[0]):.0f} min")
    print(
        f"  funding mean {funding.rates.mean() * 1e-8:.2f} bp, least {funding.rates.min() * 1e-8:.2f}",
        end=" ",
    )
    print(f"most {funding.rates.max() * 1e-8:.2f}")


if __name__ == "__main__":
    main()
