"""One strategy, every venue, from back-test to live.

The public names of xtrade are gathered here and loaded when first used, so that `import xtrade` (and with it
`xtrade --help`) costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xtrade.data.readers import read_bars as read_bars, read_tape as read_tape
    from xtrade.model.errors import (
        ConfigError as ConfigError,
        CredentialsError as CredentialsError,
        DataError as DataError,
        NumberError as NumberError,
        SymbolError as SymbolError,
        VenueError as VenueError,
        XtradeError as XtradeError,
    )
    from xtrade.model.fills import Fill as Fill
    from xtrade.model.ids import ClientOrderId as ClientOrderId
    from xtrade.model.instruments import Instrument as Instrument, Kind as Kind
    from xtrade.model.money import Money as Money
    from xtrade.model.order_state import OrderState as OrderState, OrderStatus as OrderStatus
    from xtrade.model.orders import (
        OrderIntent as OrderIntent,
        OrderType as OrderType,
        TimeInForce as TimeInForce,
        Trigger as Trigger,
    )
    from xtrade.model.positions import Position as Position
    from xtrade.model.sides import Side as Side
    from xtrade.research.backtest import backtest as backtest
    from xtrade.research.result import Result as Result
    from xtrade.runtime.ids import ClientOrderIds as ClientOrderIds
    from xtrade.runtime.real import run as run
    from xtrade.runtime.secrets import Secret as Secret
    from xtrade.runtime.shutdown import Shutdown as Shutdown
    from xtrade.runtime.supervisor import Restart as Restart, Supervisor as Supervisor
    from xtrade.runtime.virtual import run_virtual as run_virtual
    from xtrade.sim.bars.assumptions import BarAssumptions as BarAssumptions
    from xtrade.sim.bars.columns import Bars as Bars
    from xtrade.sim.replay.models import Assumptions as Assumptions, Latency as Latency
    from xtrade.sim.replay.tape import Tape as Tape
    from xtrade.sim.synthetic.bars import synthetic_bars as synthetic_bars
    from xtrade.sim.synthetic.presets import preset as preset
    from xtrade.sim.synthetic.tapes import synthetic_tape as synthetic_tape
    from xtrade.strategies.quoter import Quoter as Quoter, QuoterParams as QuoterParams
    from xtrade.strategies.sma import Sma as Sma, SmaParams as SmaParams
    from xtrade.symbols.answer import MarketName as MarketName
    from xtrade.symbols.by_metadata import MarketRow as MarketRow
    from xtrade.symbols.names import SymbolMap as SymbolMap
    from xtrade.symbols.symbol import Symbol as Symbol
    from xtrade.trading.context import Context as Context
    from xtrade.trading.orders import Order as Order
    from xtrade.trading.params import Params as Params
    from xtrade.trading.risk import Limits as Limits
    from xtrade.trading.strategy import SignalStrategy as SignalStrategy, Strategy as Strategy
    from xtrade.trading.subscriptions import (
        BarFeed as BarFeed,
        BookFeed as BookFeed,
        FundingFeed as FundingFeed,
        Market as Market,
        QuoteFeed as QuoteFeed,
        TradeFeed as TradeFeed,
    )

# Where each public name lives. tests/test_public_names.py holds this table against the imports above.
_HOME = {
    "ConfigError": "xtrade.model.errors",
    "CredentialsError": "xtrade.model.errors",
    "DataError": "xtrade.model.errors",
    "NumberError": "xtrade.model.errors",
    "SymbolError": "xtrade.model.errors",
    "VenueError": "xtrade.model.errors",
    "XtradeError": "xtrade.model.errors",
    "Fill": "xtrade.model.fills",
    "ClientOrderId": "xtrade.model.ids",
    "Instrument": "xtrade.model.instruments",
    "Kind": "xtrade.model.instruments",
    "Money": "xtrade.model.money",
    "OrderState": "xtrade.model.order_state",
    "OrderStatus": "xtrade.model.order_state",
    "OrderIntent": "xtrade.model.orders",
    "OrderType": "xtrade.model.orders",
    "TimeInForce": "xtrade.model.orders",
    "Trigger": "xtrade.model.orders",
    "Position": "xtrade.model.positions",
    "Side": "xtrade.model.sides",
    "run": "xtrade.runtime.real",
    "Secret": "xtrade.runtime.secrets",
    "Shutdown": "xtrade.runtime.shutdown",
    "Restart": "xtrade.runtime.supervisor",
    "Supervisor": "xtrade.runtime.supervisor",
    "run_virtual": "xtrade.runtime.virtual",
    "SymbolMap": "xtrade.symbols.names",
    "MarketName": "xtrade.symbols.answer",
    "MarketRow": "xtrade.symbols.by_metadata",
    "Symbol": "xtrade.symbols.symbol",
    "ClientOrderIds": "xtrade.runtime.ids",
    "Assumptions": "xtrade.sim.replay.models",
    "BarAssumptions": "xtrade.sim.bars.assumptions",
    "BarFeed": "xtrade.trading.subscriptions",
    "Bars": "xtrade.sim.bars.columns",
    "BookFeed": "xtrade.trading.subscriptions",
    "Context": "xtrade.trading.context",
    "FundingFeed": "xtrade.trading.subscriptions",
    "Latency": "xtrade.sim.replay.models",
    "Limits": "xtrade.trading.risk",
    "Market": "xtrade.trading.subscriptions",
    "Order": "xtrade.trading.orders",
    "Params": "xtrade.trading.params",
    "QuoteFeed": "xtrade.trading.subscriptions",
    "Quoter": "xtrade.strategies.quoter",
    "QuoterParams": "xtrade.strategies.quoter",
    "Result": "xtrade.research.result",
    "SignalStrategy": "xtrade.trading.strategy",
    "Sma": "xtrade.strategies.sma",
    "SmaParams": "xtrade.strategies.sma",
    "Strategy": "xtrade.trading.strategy",
    "Tape": "xtrade.sim.replay.tape",
    "TradeFeed": "xtrade.trading.subscriptions",
    "backtest": "xtrade.research.backtest",
    "preset": "xtrade.sim.synthetic.presets",
    "read_bars": "xtrade.data.readers",
    "read_tape": "xtrade.data.readers",
    "synthetic_bars": "xtrade.sim.synthetic.bars",
    "synthetic_tape": "xtrade.sim.synthetic.tapes",
}

__all__ = [
    "Assumptions",
    "BarAssumptions",
    "BarFeed",
    "Bars",
    "BookFeed",
    "ClientOrderId",
    "ClientOrderIds",
    "ConfigError",
    "Context",
    "CredentialsError",
    "DataError",
    "Fill",
    "FundingFeed",
    "Instrument",
    "Kind",
    "Latency",
    "Limits",
    "Market",
    "MarketName",
    "MarketRow",
    "Money",
    "NumberError",
    "Order",
    "OrderIntent",
    "OrderState",
    "OrderStatus",
    "OrderType",
    "Params",
    "Position",
    "QuoteFeed",
    "Quoter",
    "QuoterParams",
    "Restart",
    "Result",
    "Secret",
    "Shutdown",
    "Side",
    "SignalStrategy",
    "Sma",
    "SmaParams",
    "Strategy",
    "Supervisor",
    "Symbol",
    "SymbolError",
    "SymbolMap",
    "Tape",
    "TimeInForce",
    "TradeFeed",
    "Trigger",
    "VenueError",
    "XtradeError",
    "backtest",
    "preset",
    "read_bars",
    "read_tape",
    "run",
    "run_virtual",
    "synthetic_bars",
    "synthetic_tape",
]


def __getattr__(name: str) -> object:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'xtrade' has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
