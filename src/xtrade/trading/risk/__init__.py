"""Risk: what may be sent, what is watched meanwhile, and how everything is stopped.

state        TradingState: the dial, for a strategy and for the desk
limits       what one strategy may do, what all together may do, and when the guards step in
situation    what an order is checked against; Refusal
rules        the gate that every order passes: a list of small named rules
desk_rules   the same, over all strategies together
guards       what is looked at on a timer: losses, margins, silence; each says what to do
pairs        hedged pairs: when one leg is closed behind our back, the other is cut
halt_file    what keeps a desk that was halted from starting again, and the figures that losses are counted from
kill         the kill switch: works while a strategy hangs, and verifies that we are flat
explain      why a strategy is, or is not, trading right now
"""

from xtrade.trading.risk.limits import DeskLimits, GuardLimits, Limits
from xtrade.trading.risk.rules import RULES, check
from xtrade.trading.risk.situation import Refusal, Situation
from xtrade.trading.risk.state import TradingState

__all__ = [
    "RULES",
    "DeskLimits",
    "GuardLimits",
    "Limits",
    "Refusal",
    "Situation",
    "TradingState",
    "check",
]
