"""`xtrade exchange`: venues in boxes, on this machine, until somebody ends them."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Annotated

import cyclopts
from cyclopts import Parameter
from msgspec import Struct

from xtrade.app.output import Json, answer, note
from xtrade.app.reach import venues_named
from xtrade.runtime.real import run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.text import Text

    from xtrade.venues.box.serving import Box

__all__ = ["app"]

app = cyclopts.App(name="exchange", usage="xtrade exchange --venue VENUES [OPTIONS]")


class BoxRow(Struct, frozen=True, kw_only=True):
    """One box: where it is, what it lists, and the keys of its accounts, which open nothing but it."""

    venue: str
    address: str
    markets: dict[str, str]
    keys: tuple[dict[str, str], ...]


@app.default
def exchange(
    *,
    venue: Annotated[
        str,
        Parameter(name=["--venue", "--venues"], metavar="VENUES", help="Venues, with commas between them."),
    ],
    port: Annotated[
        int, Parameter(metavar="PORT", help="The port of the first; the others follow. 0: any that is free.")
    ] = 9001,
    seed: Annotated[int, Parameter(metavar="SEED", help="What the traders do is drawn from this.")] = 1,
    markets: Annotated[
        str | None,
        Parameter(
            metavar="MARKETS", help="Symbols, with commas between them: without it, all that a box has."
        ),
    ] = None,
    speed: Annotated[
        float,
        Parameter(metavar="FACTOR", help="How fast the market's time passes: requests are not affected."),
    ] = 1.0,
    accounts: Annotated[int, Parameter(metavar="COUNT", help="How many accounts each box has.")] = 1,
    past: Annotated[
        str, Parameter(metavar="TIME", help="How long the traders have traded already when it opens: 2m, 1h.")
    ] = "2m",
    seconds: Annotated[
        float | None, Parameter(metavar="SECONDS", help="End after so long; without it, at Ctrl-C.")
    ] = None,
    host: Annotated[
        str,
        Parameter(metavar="HOST", help="Where to listen. Keep to loopback: whoever reaches it can trade."),
    ] = "127.0.0.1",
    json: Json = False,
) -> None:
    """Open venues in boxes on this machine, to trade on with this or any other client.

    A box speaks its venue's own protocol: REST and WebSocket, public and private, with signatures, limits and error
    codes. Synthetic traders make its market; several boxes share one underlying market. `GET /box` tells what is really
    there, and `POST /box/trouble` makes things go wrong.

    **Examples**

    - `xtrade exchange --venue binance`
    - `xtrade exchange --venue binance,okx --markets BTC/USDT,BTC/USDT:USDT`
    """
    names = venues_named(venue)
    run(lambda: _open(names, port, seed, markets, speed, accounts, past, seconds, host, json))


async def _open(
    names: Sequence[str],
    port: int,
    seed: int,
    markets: str | None,
    speed: float,
    accounts: int,
    past: str,
    seconds: float | None,
    host: str,
    json: bool,
) -> None:
    from xtrade.app.boxes import announced, opened_boxes
    from xtrade.model.durations import duration_ns
    from xtrade.ops.log_config import LogConfig
    from xtrade.ops.logs import configure

    symbols = [part.strip() for part in (markets or "").split(",") if part.strip()]
    async with AsyncExitStack() as stack:
        stack.enter_context(configure(LogConfig(level="warning"), run_id="exchange"))
        note(f"Opening {', '.join(names)} (the first start on a machine compiles for a while) ...")
        boxes = await opened_boxes(
            stack,
            names,
            symbols=symbols,
            seed=seed,
            port=port,
            host=host,
            speed=speed,
            accounts=accounts,
            past_s=duration_ns(past) // 10**9,
        )
        stack.enter_context(announced(boxes))
        rows = tuple(_row(box) for box in boxes)
        answer(rows, json=json, human=lambda: _shown(rows))
        note("Open until Ctrl-C." if seconds is None else f"Open for {seconds:g} s.")
        if seconds is None:
            await asyncio.Event().wait()
        else:
            await asyncio.sleep(seconds)


def _row(box: Box) -> BoxRow:
    return BoxRow(
        venue=box.venue,
        address=box.address,
        markets={key: each.native for key, each in box.floor.instruments.items()},
        keys=tuple(dict(account.key) for account in box.accounts),
    )


def _shown(rows: Sequence[BoxRow]) -> Text:
    from rich.text import Text

    from xtrade.venues.registry import server_of

    text = Text()
    for row in rows:
        text.append("\n\n" if len(text) else "").append(row.venue, "bold").append(f" at {row.address}\n")
        text.append("  lists " + ", ".join(f"{key} ({native})" for key, native in row.markets.items()) + "\n")
        for number, key in enumerate(row.keys, start=1):
            text.append(f"  account {number}\n")
            for name, value in key.items():
                shown = value.replace("\n", "\\n")
                text.append(f"    {name}: {shown}\n", "dim")
        pair = next(iter(row.markets)).partition(":")[2]
        text.append(f"  xtrade   xtrade best --pair {pair} --venue {row.venue} --at {row.address}\n")
        for line in server_of(row.venue).how_to_connect(row.address, next(iter(row.markets.values()))):
            text.append(f"  {line}\n")
        text.append(f"  trouble  curl {row.address}/box/trouble -d '{{\"cut\": true}}'")
    return text
