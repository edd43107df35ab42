"""Take the pictures of docs/report.md: the report of a back-test as Chromium shows it, light and dark, and on a phone.

uv run python docs/make_report_pictures.py
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from xtrade import Quoter, QuoterParams, backtest, preset, synthetic_tape
from xtrade.research.report import write_report
from xtrade.sim.replay.models import Assumptions, Latency

IMAGES: Final = Path(__file__).parent / "images" / "report"
MINUTE_NS: Final = 60_000_000_000
START_NS: Final = 1_767_225_600_000_000_000  # 2026-01-01
MINUTES: Final = 90
ASSUMED: Final = Assumptions(
    entry=Latency.lognormal(4_000_000, 0.5, seed=7), response=Latency.lognormal(3_000_000, 0.5, seed=8)
)
WIDTH, PHONE = 1100, 500
SHOWN: Final = {
    "top": ("head", "money"),
    "trading": ("split", "price", "inventory"),
    "quality": ("markouts", "orders", "latency"),
}
"""Which parts of the page stand on which picture."""

# A page of ours runs no script and takes no style but its own: the copy that is photographed has neither rule.
POLICY: Final = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')
HEIGHT: Final = """<script>setTimeout(() => {
  document.documentElement.dataset.high = document.querySelector("main").getBoundingClientRect().bottom + 12;
}, 500);</script>"""


def main() -> None:
    """Play a market maker for an hour and a half, write its report, and photograph it."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        sys.exit("no chromium on the PATH: the pictures are taken with it")
    IMAGES.mkdir(parents=True, exist_ok=True)
    world = preset("spot-and-perpetual")
    tape = synthetic_tape(world, seed=7, start_ns=START_NS, duration_ns=MINUTES * MINUTE_NS)
    params = QuoterParams(instrument="sim:BTC/USDT:USDT", half_spread=4, lots=20, max_lots=200, every="1s")
    with TemporaryDirectory() as folder:
        result = backtest(Quoter(params), tape, assumptions=ASSUMED)
        report = write_report(result, Path(folder) / "report.html")
        for theme in ("light", "dark"):
            for name, parts in SHOWN.items():
                take(chromium, only(report, parts), IMAGES / f"{name}-{theme}.png", theme, WIDTH)
        take(chromium, only(report, SHOWN["top"]), IMAGES / "phone-light.png", "light", PHONE)


def only(report: Path, parts: Sequence[str]) -> Path:
    """Write a copy of a report that shows only some of its parts."""
    kept = ", ".join(f"#{part}" for part in parts)
    style = f".panel:not({kept}), .foot, footer {{ display: none !important }}"
    if "head" not in parts:
        style += " main > :not(.panel) { display: none !important }"
        style += " body > :not(main):not(script) { display: none !important }"
    text = POLICY.sub("", report.read_text(encoding="utf-8"))
    copy = report.with_name("copy.html")
    copy.write_text(text.replace("</body>", f"<style>{style}</style>{HEIGHT}</body>"), encoding="utf-8")
    return copy


def take(chromium: str, page: Path, picture: Path, theme: str, width: int) -> None:
    """Photograph a page as high as it is."""
    address = f"{page.as_uri()}?theme={theme}"
    seen = run(chromium, page, width, 2000, "--dump-dom", address)
    found = re.search(r'data-high="([\d.]+)"', seen)
    if found is None:
        sys.exit(f"{picture.name}: the page was not drawn within five seconds")
    run(chromium, page, width, round(float(found[1])), f"--screenshot={picture}", address)
    print(picture.relative_to(IMAGES.parents[2]))


def run(chromium: str, page: Path, width: int, height: int, *more: str) -> str:
    """Run Chromium without a window, and return what it wrote."""
    ran = subprocess.run(
        [
            chromium,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            "--disable-background-networking",
            "--no-first-run",
            f"--user-data-dir={page.with_name('profile')}",
            f"--window-size={width},{height}",
            "--virtual-time-budget=5000",
            *more,
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return ran.stdout


if __name__ == "__main__":
    main()
