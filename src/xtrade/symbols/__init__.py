"""Floor 2, one name for one market on every venue.

symbol     the universal name, in ccxt's notation: `BTC/USDT`, `BTC/USDT:USDT`, `BTC/USD:BTC-261225`
names      a venue's names to universal ones and back, from its metadata (certain) or its patterns (how sure)
evidence   the formula of that "how sure"
units      1000BONK is a thousand BONK
patterns   what the data files in data/ say, compiled: how each venue writes each kind of market
"""

from xtrade.symbols.names import MarketName, MarketRow, SymbolMap
from xtrade.symbols.symbol import Symbol
from xtrade.symbols.units import unit_of

__all__ = ["MarketName", "MarketRow", "Symbol", "SymbolMap", "unit_of"]
