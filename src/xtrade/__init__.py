"""One strategy, every venue, from back-test to live.

The public names of xtrade are gathered here and loaded when first used, so that `import xtrade` (and with it
`xtrade --help`) costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
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
    from xtrade.runtime.ids import ClientOrderIds as ClientOrderIds
    from xtrade.runtime.real import run as run
    from xtrade.runtime.secrets import Secret as Secret
    from xtrade.runtime.shutdown import Shutdown as Shutdown
    from xtrade.runtime.supervisor import Restart as Restart, Supervisor as Supervisor
    from xtrade.runtime.virtual import run_virtual as run_virtual
    from xtrade.symbols.answer import MarketName as MarketName
    from xtrade.symbols.by_metadata import MarketRow as MarketRow
    from xtrade.symbols.names import SymbolMap as SymbolMap
    from xtrade.symbols.symbol import Symbol as Symbol

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
}

__all__ = [
    "ClientOrderId",
    "ClientOrderIds",
    "ConfigError",
    "CredentialsError",
    "DataError",
    "Fill",
    "Instrument",
    "Kind",
    "MarketName",
    "MarketRow",
    "Money",
    "NumberError",
    "OrderIntent",
    "OrderState",
    "OrderStatus",
    "OrderType",
    "Position",
    "Restart",
    "Secret",
    "Shutdown",
    "Side",
    "Supervisor",
    "Symbol",
    "SymbolError",
    "SymbolMap",
    "TimeInForce",
    "Trigger",
    "VenueError",
    "XtradeError",
    "run",
    "run_virtual",
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
