"""Floor 2, one name for one market on every venue.

symbol     the universal name, in ccxt's notation: `BTC/USDT`, `BTC/USDT:USDT`, `BTC/USD:BTC-261225`
units      1000BONK is a thousand BONK
"""

from xtrade.symbols.symbol import Symbol
from xtrade.symbols.units import unit_of

__all__ = ["Symbol", "unit_of"]
