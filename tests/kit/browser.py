"""A page as a real browser shows it: Chromium without a window, driven by a script that the page is given to run."""

import json
import os
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import NamedTuple

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

_POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')
_PROBE = """<script>
addEventListener("error", (event) => { document.documentElement.dataset.failed = event.message; });
setTimeout(async () => {
  const found = await (async () => { %s })();
  const told = document.createElement("pre");
  told.id = "probe";
  told.textContent = JSON.stringify(found);
  document.body.append(told);
}, 100);
</script>"""


class Seen(NamedTuple):
    """What became of a page: its elements after its scripts, what the console said, what the probe found."""

    dom: str
    console: list[str]
    found: object


def opened(page: Path, *, width: int = 1280, query: str = "", probe: str = "") -> Seen:
    """Open a file as a user does. A `probe` is the body of a function run in the page; what it returns is found.

    A page of ours runs no script but its own: to be probed it is opened as a copy without that rule.
    """
    if probe:
        text = _POLICY.sub("", page.read_text(encoding="utf-8"))
        page = page.with_name(f"probed-{page.name}")
        page.write_text(text.replace("</body>", _PROBE % probe + "</body>"), encoding="utf-8")
    profile = page.with_name("profile")
    ran = subprocess.run(
        [
            CHROMIUM,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--no-first-run",
            f"--user-data-dir={profile}",
            f"--window-size={width},1200",
            "--enable-logging=stderr",
            "--virtual-time-budget=10000",
            "--dump-dom",
            f"{page.resolve().as_uri()}{query}",
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        env=os.environ | {"HOME": str(page.parent)},
    )
    told = re.search(r'<pre id="probe">(.*?)</pre>', ran.stdout, re.DOTALL)
    return Seen(
        ran.stdout,
        [line for line in ran.stderr.splitlines() if "CONSOLE" in line],
        json.loads(unescape(told[1])) if told else None,
    )
