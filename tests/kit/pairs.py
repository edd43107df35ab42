"""Pairs on two venues that do what their scripts say, with an account of the truth beside them."""

from __future__ import annotations

from decimal import Decimal

from kit.venues import HandMarkets, Reaction, S, execute, market
from xtrade.model.sides import Side
from xtrade.trading.execution.paired import Leg, Paired, trade_paired

# 0.001 and 0.0025 coins a lot: a grain is 0.0005, the smallest amount that both can trade 0.005.
ONE = market("binance", lot="0.001")
TWO = market("okx", lot="0.25", multiplier="0.01")
THREE = market("kucoin", lot="0.001")
GRAINS = {ONE.key: 2, TWO.key: 5, THREE.key: 2}
GRAIN = Decimal("0.0005")
UNIT = 10


def leg(of, side, through_ticks=5):
    return Leg(instrument=of.key, side=side, through_ticks=through_ticks)


def wish(**changed):
    given = {
        "first": leg(ONE, Side.BUY),
        "second": leg(TWO, Side.SELL),
        "base": Decimal("0.04"),
        "naked_base_max": Decimal("0.02"),
        "naked_s_max": 3.0,
        "timeout_s": 8.0,
        "give_up_s": 20.0,
    }
    return Paired(**given | changed)


class Truth:
    """What the venues know, and we may not have heard: looked at after every single thing that happens."""

    def __init__(self, markets, pair):
        self.markets = markets
        self.pair = pair
        self.most = int(pair.naked_base_max / GRAIN)
        self.smallest = max(each.min_lots * GRAINS[key] for key, each in markets.instruments.items())
        self.worst = 0
        self.naked_ns = self.naked_ns_longest = 0
        self.excused_ns = 0
        self._last_ns = 0
        self._was = (0, False)

    @property
    def exposure(self):
        return sum(lots * GRAINS[key] for key, lots in self.markets.truth.items())

    def __call__(self):
        self._count_time()
        known = self.exposure
        for sign, side in ((1, Side.BUY), (-1, Side.SELL)):
            open_grains = sum(
                self.markets.open_lots(key, side) * GRAINS[key] for key in self.markets.instruments
            )
            self.worst = max(self.worst, sign * known + open_grains)
        assert self.worst <= self.most, f"{self.worst} grains could have been naked, {self.most} were allowed"

    def _count_time(self):
        """Add up how long something was naked while at least one venue answered and nothing was in doubt."""
        passed_ns, self._last_ns = self.markets.now_ns - self._last_ns, self.markets.now_ns
        naked, excused = self._was
        if excused:
            self.excused_ns += passed_ns
        else:
            self.naked_ns += passed_ns
        if abs(naked) < self.smallest:
            self.naked_ns = 0
        self.naked_ns_longest = max(self.naked_ns_longest, self.naked_ns)
        self._was = (self.exposure, self._nothing_can_be_done())

    def _nothing_can_be_done(self):
        venues = {key.partition(":")[0] for key in self.markets.instruments}
        if all(self.markets.down[venue] for venue in venues):
            return True
        reactions = [self.markets.at_venue[name].reaction for name in self.markets.engine._blotter.live]
        return any(not (each.answers and each.arrives) or each.slow_ms for each in reactions)


def paired(scripts=None, happenings=(), instruments=(ONE, TWO), limits=None, **changed):
    """Trade a pair; return its outcome, the truth, and the journal. The size is watched at every step."""
    pair = wish(**changed)
    markets = HandMarkets(instruments, scripts)
    truth = Truth(markets, pair)
    markets.watchers.append(truth)
    moves = [(seconds, lambda call=call: call(markets)) for seconds, call in happenings]
    outcome, journal, engine = execute(
        markets, lambda ctx: trade_paired(ctx, pair), happenings=moves, limits=limits
    )
    for each in outcome.legs:
        assert engine.portfolio.lots("one", each.instrument) == markets.truth[each.instrument]
    return outcome, truth, journal


def agrees(outcome, truth):
    """What is said at the end is the truth, or the truth lies where the outcome says it may."""
    low, high = int(outcome.naked_base_low / GRAIN), int(outcome.naked_base_high / GRAIN)
    assert low <= truth.exposure <= high
    if not any(each.open_lots for each in outcome.legs):
        assert low == high
        held = {each.instrument: each.side.sign * each.filled_lots for each in outcome.legs}
        assert {key: lots for key, lots in truth.markets.truth.items() if lots} == {
            key: lots for key, lots in held.items() if lots
        }


FILLS = Reaction()
HALF = Reaction(fill=0.5)
NONE = Reaction(fill=0)
REJECTS = Reaction(then="reject")
FILLED_UNHEARD = Reaction(answers=False, settled_ms=1_500)
NEVER_ARRIVES = Reaction(arrives=False, answers=False, settled_ms=1_500)
TOO_SLOW = Reaction(fill=0.5, slow_ms=1_200)
GOES_DOWN = Reaction(fill=0.5, goes_down=True, down_ms=1_000)

__all__ = [
    "FILLED_UNHEARD",
    "FILLS",
    "GOES_DOWN",
    "GRAIN",
    "HALF",
    "NEVER_ARRIVES",
    "NONE",
    "ONE",
    "REJECTS",
    "THREE",
    "TOO_SLOW",
    "TWO",
    "S",
    "Truth",
    "agrees",
    "leg",
    "paired",
    "wish",
]
