"""Make the pictures of the terminal that the README and the pages show, from what the commands really print.

uv run python docs/make_pictures.py
"""

from __future__ import annotations

import io
import os
import subprocess
from pathlib import Path
from typing import Final

from rich.console import Console, RenderableType
from rich.terminal_theme import MONOKAI
from rich.text import Text

from xtrade.app.node import Node
from xtrade.app.plan import plan_of
from xtrade.app.run_status import status_of
from xtrade.app.run_view import drawn
from xtrade.app.running import configured
from xtrade.runtime.virtual import run_virtual

IMAGES: Final = Path(__file__).parent / "images"
COLUMNS: Final = 100
EXAMPLE: Final = Path(__file__).parents[1] / "examples" / "quickstart.toml"
RUN_COLUMNS: Final = 112
RUN_SECONDS: Final = 180.0
PICTURES: Final = {
    "terminal": [
        "xtrade symbols table BTC/USDT",
        "xtrade symbols map 1000BONKUSDT --venue binance --kind linear",
        "xtrade symbols check XBTUSDTM BTC/USDT:USDT --venue kucoin",
    ],
}
# No web font: a picture of ours fetches nothing.
FORMAT: Final = """<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  font-size: {char_height}px; line-height: {line_height}px; font-variant-east-asian: full-width; }}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: system-ui, sans-serif; }}
{styles}
</style>
<defs><clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" /></clipPath>{lines}</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">{backgrounds}
<g class="{unique_id}-matrix">{matrix}</g></g>
</svg>
"""


def main() -> None:
    """Run the commands and draw each picture."""
    IMAGES.mkdir(exist_ok=True)
    environment = os.environ | {"FORCE_COLOR": "1", "COLUMNS": str(COLUMNS), "TERM": "xterm-256color"}
    for name, commands in PICTURES.items():
        console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
        for command in commands:
            ran = subprocess.run(command.split(), env=environment, capture_output=True, text=True, check=True)
            console.print(Text.assemble(("$ ", "green"), (command, "bold")))
            console.print(Text.from_ansi(ran.stdout.rstrip()))
            console.print()
        save(console, name)
    console = Console(record=True, width=RUN_COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(Text.assemble(("$ ", "green"), ("xtrade run examples/quickstart.toml", "bold")))
    console.print(run_view())
    save(console, "run")


def save(console: Console, name: str) -> None:
    """Write what a console has shown as a picture."""
    console.save_svg(
        str(IMAGES / f"{name}.svg"), title="xtrade", theme=MONOKAI, code_format=FORMAT, unique_id="terminal"
    )
    print(f"docs/images/{name}.svg")


def run_view() -> RenderableType:
    """Return the view of a run after some minutes of virtual time: the same each time it is made."""
    loaded = configured(str(EXAMPLE))
    plan = plan_of(loaded.config, loaded.name)
    curve: list[float] = []
    pictures: list[RenderableType] = []

    def watch(node: Node) -> None:
        status = status_of(node)
        if status.profit is not None and status.elapsed_s:
            curve.append(status.profit)
        if status.stopping is None and status.positions and len(status.orders) > 1:
            pictures.append(drawn(status, curve=curve, on_exit=plan.on_exit))

    async def main() -> None:
        await Node(plan).run(RUN_SECONDS, watch=watch)

    run_virtual(main, seed=plan.seed, pick="first")
    return pictures[-1]


if __name__ == "__main__":
    main()
