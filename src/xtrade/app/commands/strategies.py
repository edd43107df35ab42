"""`xtrade strategies`: which there are, and what each can be told."""

from __future__ import annotations

import inspect
import json as json_text
from typing import TYPE_CHECKING, Annotated, Any

import cyclopts
from msgspec import Struct

from xtrade.app.output import Json, answer, columns
from xtrade.trading.params import Parameter, parameters_of

if TYPE_CHECKING:
    from rich.console import RenderableType

    from xtrade.trading.strategy import Strategy

__all__ = ["app"]

app = cyclopts.App(
    name="strategies",
    help="""See which strategies there are, and what each can be told.

    **Examples**

    - `xtrade strategies list`
    - `xtrade strategies show quoter`
    """,
    group_commands=cyclopts.Group("Commands"),
)

Name = Annotated[
    str, cyclopts.Parameter(help="A built-in strategy, or your own as FILE.py:Class or module:Class.")
]


class Described(Struct, frozen=True):
    """One strategy: what it is, where it stands, and its parameters."""

    name: str
    about: str
    source: str
    parameters: list[Parameter]


@app.command(name="list")
def list_(*, json: Json = False) -> None:
    """List the built-in strategies.

    **Examples**

    - `xtrade strategies list`
    - `xtrade strategies list --json`
    """
    from xtrade.strategies import BUILT_IN

    found = [_described(name) for name in BUILT_IN]
    rows = [
        (each.name, each.about, ", ".join(parameter.name for parameter in each.parameters)) for each in found
    ]
    answer(found, json=json, human=lambda: columns(("", "What it does", "Parameters"), rows))


@app.command(usage="xtrade strategies show [OPTIONS] NAME")
def show(name: Name, /, *, json: Json = False) -> None:
    """Show what a strategy does, and its parameters with types, defaults and meanings.

    **Examples**

    - `xtrade strategies show sma`
    - `xtrade strategies show mine.py:Fade --json`
    """
    found = _described(name)
    answer(found, json=json, human=lambda: _drawn(found))


def _described(name: str) -> Described:
    from xtrade.app.strategies import strategy_type

    kind = strategy_type(name)
    return Described(name, _about(kind), inspect.getsourcefile(kind) or "", parameters_of(kind.params_type))


def _about(kind: type[Strategy[Any]]) -> str:
    """Return the first paragraph that its source says about it; a base's words are not its own."""
    said = kind.__dict__.get("__doc__") or ""
    return " ".join(inspect.cleandoc(said).split("\n\n")[0].split())


def _drawn(found: Described) -> RenderableType:
    from rich.text import Text

    rows = [
        (each.name, each.type, "needed" if each.required else json_text.dumps(each.default), each.description)
        for each in found.parameters
    ]
    example = next(
        (
            f" --param {each.name}={json_text.dumps(each.default)}"
            for each in found.parameters
            if not each.required
        ),
        "",
    )
    table = (
        columns(("Parameter", "Type", "Default", "Meaning"), rows) if rows else Text("It has no parameters.")
    )
    return Text.assemble(
        (found.name, "bold"),
        f": {found.about}" if found.about else "",
        "\n\n",
        table,
        ("\n\nSource: ", "dim"),
        found.source,
        ("\nTry:    ", "dim"),
        f"xtrade backtest run {found.name}{example}",
    )
