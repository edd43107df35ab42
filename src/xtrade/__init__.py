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
}

__all__ = [
    "ClientOrderId",
    "ConfigError",
    "CredentialsError",
    "DataError",
    "Fill",
    "Instrument",
    "Kind",
    "Money",
    "NumberError",
    "OrderIntent",
    "OrderState",
    "OrderStatus",
    "OrderType",
    "Position",
    "Side",
    "SymbolError",
    "TimeInForce",
    "Trigger",
    "VenueError",
    "XtradeError",
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
