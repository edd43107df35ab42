"""What the desk itself does, past its strategies: turn the dial, cancel, close. For guards and operators.

turn          where the dial of a strategy, or of the whole desk, stands; cancels what it does not let stand
cancel_open   a strategy's orders that wait, whatever its rate of cancels
close         a position at the market, past the dial and the limits; can_close says whether there is one
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from xtrade.model.errors import UsageError
from xtrade.model.ids import ClientOrderId
from xtrade.model.instruments import Kind
from xtrade.model.orders import OrderIntent, OrderType, problems
from xtrade.model.sides import Side
from xtrade.trading.orders import Order
from xtrade.trading.ports import Turned
from xtrade.trading.risk.rules import reduces
from xtrade.trading.risk.state import TradingState

if TYPE_CHECKING:
    from xtrade.trading.context import Context
    from xtrade.trading.engine import Engine

__all__ = ["can_close", "cancel_open", "close", "turn"]


def turn(engine: Engine, state: TradingState, why: str, *, by: str, strategy: str | None = None) -> None:
    """Turn the dial of a strategy, or (None) of the whole desk, and cancel what it does not let stand.

    Strategies go on hearing of everything: whoever is let trade again knows where it stands.
    """
    if strategy is None:
        engine.gate.state, engine.gate.why = state, why
        concerned = list(engine.contexts.values())
    else:
        context = engine.contexts[strategy]
        if context.ended and state is not TradingState.HALTED:
            raise UsageError(f"{strategy} has ended and cannot trade again in this run: start a new one")
        context.state, context.why = state, why
        concerned = [context]
    engine.record(Turned(strategy=strategy or "", state=state, why=why, by=by, at_ns=engine.now_ns))
    for context in concerned:
        if state is TradingState.HALTED:
            cancel_open(engine, context)
        elif state is TradingState.REDUCING:
            cancel_open(engine, context, only_opening=True)


def cancel_open(
    engine: Engine, context: Context, *, key: str | None = None, only_opening: bool = False
) -> int:
    """Cancel a strategy's orders that wait, whatever its rate; return how many requests were sent.

    `only_opening`: those that could make a position larger; what reduces stands. A market order does not wait.
    """
    asked = 0
    for order in list(context.open_orders.values()):
        intent = order.intent
        if intent.type is OrderType.MARKET or (key is not None and intent.instrument != key):
            continue
        if only_opening and (intent.reduce_only or _only_reduces(engine, context, order)):
            continue
        asked += engine.cancel_now(order)
    return asked


def close(engine: Engine, strategy: str, key: str, lots: int | None = None) -> Order | None:
    """Close a strategy's position, or so many lots of it, at the market: past the dial and the limits.

    None if there is nothing that the venue would let be closed: flat, or less than it takes (dust).
    """
    intent = _closing(engine, strategy, key, lots)
    if intent is None:
        return None
    order = _order(engine, intent)
    error = engine.send(engine.contexts[strategy], order)
    if isinstance(error, UsageError) and intent.reduce_only:
        # Where no order can say that it only reduces (in a replay), the quantity alone must see to it.
        order = _order(engine, replace(intent, reduce_only=False))
        engine.send(engine.contexts[strategy], order)
    return order


def _order(engine: Engine, intent: OrderIntent) -> Order:
    return Order(
        engine, replace(intent, client_order_id=engine.next_id()), engine.instrument(intent.instrument)
    )


def can_close(engine: Engine, strategy: str, key: str) -> bool:
    """Say whether anything is held that the venue would let be closed: not flat, and not dust."""
    return _closing(engine, strategy, key, None) is not None


def _closing(engine: Engine, strategy: str, key: str, lots: int | None) -> OrderIntent | None:
    instrument, held = engine.instrument(key), engine.portfolio.lots(strategy, key)
    if not held:
        return None
    wanted = min(abs(held), instrument.max_lots, instrument.max_market_lots)
    wanted = wanted if lots is None else min(wanted, lots)
    # The strategies may hold more than the account, some long and some short: then it is no reduction to a venue.
    covered = engine.portfolio.total_lots(key) * (1 if held > 0 else -1) >= wanted
    intent = OrderIntent(
        client_order_id=ClientOrderId(0),
        instrument=key,
        instrument_version=instrument.version,
        side=Side.SELL if held > 0 else Side.BUY,
        type=OrderType.MARKET,
        lots=wanted,
        reduce_only=covered and instrument.kind is not Kind.SPOT,
        strategy=strategy,
        decided_ns=engine.now_ns,
    )
    return None if problems(intent, instrument) else intent


def _only_reduces(engine: Engine, context: Context, order: Order) -> bool:
    situation = engine.gate.situation(context, order.instrument, engine.now_ns, without=order)
    return reduces(replace(order.intent, lots=order.state.worst_case_lots or 0), situation)
