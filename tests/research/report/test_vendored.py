"""What was not written here stands in the package as its makers published it, with their licence beside it."""

import hashlib
from importlib.resources import files

VENDOR = files("xtrade.research.report") / "vendor"


def test_vendored_files_are_those_that_were_published():
    sums = dict(reversed(line.split()) for line in (VENDOR / "SHA256SUMS").read_text().splitlines())
    found = {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in VENDOR.iterdir()
        if file.name != "SHA256SUMS"
    }

    assert found == sums
    assert "MIT License" in (VENDOR / "LICENSE-uPlot").read_text()
