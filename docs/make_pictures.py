"""Make the pictures of the terminal that the README and the pages show, from what the commands really print.

uv run python docs/make_pictures.py
"""

from __future__ import annotations

import io
import os
import subprocess
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

IMAGES: Final = Path(__file__).parent / "images"
COLUMNS: Final = 100
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
        console.save_svg(
            str(IMAGES / f"{name}.svg"),
            title="xtrade",
            theme=MONOKAI,
            code_format=FORMAT,
            unique_id="terminal",
        )
        print(f"docs/images/{name}.svg")


if __name__ == "__main__":
    main()
