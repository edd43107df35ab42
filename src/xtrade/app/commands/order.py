"""`xtrade order`: one order by hand, on any venue, its testnet or a box."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Literal

import cyclopts
from cyclopts import Parameter

from xtrade.app.output import Json, answer, columns
from xtrade.app.reach import VenueFlag, Way, instrument_of, symbol_of, venues_named
from xtrade.model.errors import NumberError, UsageError
from xtrade.model.ids import ClientOrderId
from xtrade.model.orders import TimeInForce, problems
from xtrade.model.sides import Side
from xtrade.runtime.real import run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.text import Text

    from xtrade.app.hand_orders import OrderRow

__all__ = ["app"]

app = cyclopts.App(
    name="order",
    help="""Place, cancel and look at orders by hand, on a venue, its testnet or a box.

    **Examples**

    - `xtrade order place buy 0.01 --pair BTC-USDT --venue okx --at box`
    - `xtrade order list --venue okx --at testnet`
    """,
    group_commands=cyclopts.Group("Commands"),
)

At = Annotated[
    str,
    Parameter(
        name="--at",
        metavar="WHERE",
        help="live, testnet, box, or a box's address. Real money is never meant by silence, so it must be said.",
    ),
]
Account = Annotated[
    str | None,
    Parameter(
        name="--account", metavar="NAME", help="Which key, as `xtrade keys list` shows it: okx, okx.sub1."
    ),
]
Number = Annotated[int, Parameter(metavar="ID", help="The order's id, as it was told when it was placed.")]
Pair = Annotated[
    str | None,
    Parameter(
        name="--pair", metavar="PAIR", help="Its market: needed for an order that has ended, on most venues."
    ),
]


@app.command
def place(
    side: Annotated[Literal["buy", "sell"], Parameter(help="Which way.")],
    quantity: Annotated[
        str, Parameter(help="How much, in the venue's own unit: coins, or contracts where it counts in them.")
    ],
    /,
    *,
    pair: Annotated[
        str,
        Parameter(
            name="--pair", metavar="PAIR", help="The market: BTC-USDT, or BTC/USDT:USDT for the perpetual."
        ),
    ],
    venue: VenueFlag,
    at: At,
    price: Annotated[
        str | None, Parameter(metavar="PRICE", help="The limit; without it the order takes what is there.")
    ] = None,
    post_only: Annotated[
        bool,
        Parameter(name="--post-only", negative="", show_default=False, help="Refuse it if it would take."),
    ] = False,
    reduce_only: Annotated[
        bool, Parameter(name="--reduce-only", negative="", show_default=False, help="Only close, never open.")
    ] = False,
    tif: Annotated[
        Literal["gtc", "ioc", "fok"], Parameter(help="How long it may wait: gtc, ioc or fok.")
    ] = "gtc",
    account: Account = None,
    yes: Annotated[
        bool,
        Parameter(
            name="--yes", negative="", show_default=False, help="Do not ask before real money is used."
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Place an order, and tell what is certain of it.

    Price and quantity must lie on the market's grid: nothing is rounded for you. An order without an answer is asked
    about by its id; one that stays in doubt ends with exit code 14, and must not be sent again before it was looked at.

    **Examples**

    - `xtrade order place buy 0.01 --pair BTC-USDT --venue binance --at box`
    - `xtrade order place sell 1 --pair ETH-USDT --venue okx --at box --price 4000`
    """
    symbol = symbol_of(pair)
    name = _one(venue)
    way = Way(at, keyed=True, account=account or "")
    if way.environment == "live":
        _confirm(f"{side} {quantity} {symbol} on {name}", yes=yes)

    async def main() -> OrderRow:
        from xtrade.app.hand_orders import at_the_desk

        async with at_the_desk(name, way, symbol, writes=True) as desk:
            instrument = instrument_of(desk.link, symbol)
            intent = desk.new_intent(
                instrument,
                Side.BUY if side == "buy" else Side.SELL,
                lots=instrument.lots(quantity),
                ticks=None if price is None else instrument.ticks(price),
                time_in_force=TimeInForce(tif),
                post_only=post_only,
                reduce_only=reduce_only,
            )
            if wrong := problems(intent, instrument):
                raise NumberError(f"{instrument.key}: not sent: {'; '.join(wrong)}")
            return await desk.place(intent)

    row = run(main)
    answer(row, json=json, human=lambda: _table([row]))


@app.command
def cancel(
    number: Number,
    /,
    *,
    venue: VenueFlag,
    at: At,
    pair: Pair = None,
    account: Account = None,
    json: Json = False,
) -> None:
    """Cancel an order by its id, and tell how it ended.

    **Examples**

    - `xtrade order cancel 1763600000123456789 --venue okx --at box`
    """

    async def main() -> OrderRow:
        from xtrade.app.hand_orders import at_the_desk

        symbol = None if pair is None else symbol_of(pair)
        way = Way(at, keyed=True, account=account or "")
        async with at_the_desk(_one(venue), way, symbol, writes=True) as desk:
            return await desk.cancel(ClientOrderId(number))

    row = run(main)
    answer(row, json=json, human=lambda: _table([row]))


@app.command
def status(
    number: Number,
    /,
    *,
    venue: VenueFlag,
    at: At,
    pair: Pair = None,
    account: Account = None,
    json: Json = False,
) -> None:
    """Ask the venue what became of an order.

    **Examples**

    - `xtrade order status 1763600000123456789 --venue okx --at box --pair BTC-USDT`
    """

    async def main() -> OrderRow:
        from xtrade.app.hand_orders import at_the_desk, row_of

        symbol = None if pair is None else symbol_of(pair)
        async with at_the_desk(_one(venue), Way(at, keyed=True, account=account or ""), symbol) as desk:
            key = None if symbol is None else instrument_of(desk.link, symbol).key
            return row_of(desk.link, await desk.find(ClientOrderId(number), key))

    row = run(main)
    answer(row, json=json, human=lambda: _table([row]))


@app.command(name="list")
def list_(*, venue: VenueFlag, at: At, account: Account = None, json: Json = False) -> None:
    """List the orders that a venue has open for an account, whoever entered them.

    **Examples**

    - `xtrade order list --venue okx --at box`
    """

    async def main() -> list[OrderRow]:
        from xtrade.app.hand_orders import at_the_desk, row_of

        async with at_the_desk(_one(venue), Way(at, keyed=True, account=account or "")) as desk:
            return [row_of(desk.link, report) for report in await desk.link.open_orders()]

    rows = run(main)
    answer(rows, json=json, human=lambda: _table(rows))


def _one(venue: str) -> str:
    names = venues_named(venue)
    if len(names) != 1:
        raise UsageError(f"--venue {venue}: expected one venue")
    return names[0]


def _confirm(what: str, *, yes: bool) -> None:
    """Ask before real money is used."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("--at live trades real money: confirm at a terminal, or give --yes")
    if input(f"{what}: this is real money. Type yes to go on: ").strip() != "yes":
        raise UsageError("not confirmed: nothing was sent")


def _table(rows: Sequence[OrderRow]) -> Text:
    from rich.text import Text

    if not rows:
        return Text("No order is open there.", "dim")
    heading = ("id", "market", "side", "quantity", "price", "filled", "average", "fee", "status")
    cells = []
    for row in rows:
        state = Text(
            row.status, {"open": "green", "filled": "green", "partial": "yellow"}.get(row.status, "")
        )
        if row.reason:
            state.append(f": {row.reason}")
        cells.append(
            (
                "not ours" if row.client_order_id is None else str(row.client_order_id),
                row.instrument,
                row.side,
                row.quantity,
                row.price or "market",
                row.filled,
                row.average or "",
                row.fee or "",
                state,
            )
        )
    return columns(heading, cells)
