"""What `xtrade doctor` looks at: each check takes what it judges as an argument and returns findings; none raises.

`examine` puts the real machine into them. A finding is `ok`, a `note` (know it), a `problem` (mend it), or `absent`: an
optional thing that is not there, which is no fault.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryFile
from typing import Final, Literal

from msgspec import Struct

from xtrade.app.paths import config_dir, shown, state_dir
from xtrade.runtime.extras import EXTRAS, Extra, how_to_install

__all__ = ["Finding", "Verdict", "examine"]

Verdict = Literal["ok", "note", "problem", "absent"]

SQLITE_REPAIRED: Final = (3, 51, 3)
FSYNC_MS_MAX: Final = 20.0
SPACE_BYTES_MIN: Final = 200_000_000
SPACE_BYTES_GOOD: Final = 2_000_000_000
LIBRARIES: Final = ("cryptography", "cyclopts", "msgspec", "rich", "structlog")

# File systems on which SQLite's locks or an fsync do not mean what a journal needs them to mean.
NETWORK_FILE_SYSTEMS: Final = (
    "nfs", "cifs", "smb", "9p", "afs", "ceph", "glusterfs", "lustre", "fuse.sshfs", "fuse.rclone", "vboxsf", "virtiofs",
)  # fmt: skip
PASSING_FILE_SYSTEMS: Final = {
    "overlay": "the layer of a container, which goes with it",
    "tmpfs": "memory, which is gone after a restart",
}


class Finding(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that was looked at: what was found and, where something can be done, what to do."""

    area: str
    name: str
    verdict: Verdict
    finding: str
    advice: str | None = None


def examine(environment: Mapping[str, str]) -> list[Finding]:
    """Look at this machine; takes a second or two at most, and leaves nothing behind."""
    from xtrade.app.services import services

    checks: tuple[Callable[[], Iterable[Finding]], ...] = (
        versions,
        lambda: [sqlite(_sqlite_version())],
        lambda: [
            clock_date(_wall_ns()),
            clock_steps(*_clock_resolutions_ns()),
            clock_synchronised(_kernel_clock()),
        ],
        lambda: directory("configuration", config_dir(), _mounts()),
        lambda: directory("state", state_dir(), _mounts()),
        lambda: key_files(config_dir()),
        lambda: services(environment),
        lambda: extras(EXTRAS),
        lambda: [terminal(environment), completion(Path.home())],
    )
    return [finding for check in checks for finding in check()]


# System -----------------------------------------------------------------------------------------------------------


def versions() -> list[Finding]:
    """Say what runs here."""
    import platform

    machine = f"{platform.system()} {platform.machine()}"
    python = f"{platform.python_version()} ({platform.python_implementation()}), {machine}"
    loop = _version_of("uvloop")
    libraries = ", ".join(f"{name} {_version_of(name) or 'missing'}" for name in LIBRARIES)
    return [
        Finding(area="System", name="xtrade", verdict="ok", finding=_version_of("xtrade") or "not installed"),
        Finding(area="System", name="Python", verdict="ok", finding=python),
        Finding(
            area="System",
            name="event loop",
            verdict="ok",
            finding=f"uvloop {loop}"
            if loop
            else "asyncio's own (uvloop, which is quicker, is not installed)",
        ),
        Finding(
            area="System",
            name="libraries",
            verdict="problem" if "missing" in libraries else "ok",
            finding=libraries,
            advice=how_to_install() if "missing" in libraries else None,
        ),
    ]


def sqlite(found: str) -> Finding:
    """Say whether SQLite has the race in which two writing connections lose pages (fixed in 3.51.3)."""
    sound = tuple(int(part) for part in found.split(".")[:3]) >= SQLITE_REPAIRED
    return Finding(
        area="System",
        name="SQLite",
        verdict="ok" if sound else "note",
        finding=found
        if sound
        else f"{found}: two connections writing to one file can lose data (fixed in 3.51.3)",
        advice=None if sound else "never open a journal of a running node for writing; reading is safe",
    )


# Clock ------------------------------------------------------------------------------------------------------------


def clock_date(wall_ns: int) -> Finding:
    """Say whether the date can be true: venues refuse requests that are signed seconds early or late."""
    now = datetime.fromtimestamp(wall_ns // 1_000_000_000, UTC)
    plausible = 2025 <= now.year < 2100
    return Finding(
        area="Clock",
        name="date",
        verdict="ok" if plausible else "problem",
        finding=f"{now:%Y-%m-%d %H:%M:%S} UTC" + ("" if plausible else ", which cannot be true"),
        advice=None if plausible else "set the clock: venues refuse requests signed at another time",
    )


def clock_steps(wall_ns: int, monotonic_ns: int) -> Finding:
    """Say how finely the clocks count."""
    fine = max(wall_ns, monotonic_ns) <= 1_000_000
    return Finding(
        area="Clock",
        name="resolution",
        verdict="ok" if fine else "note",
        finding=f"wall {wall_ns:,} ns, monotonic {monotonic_ns:,} ns",
        advice=None if fine else "latencies measured on this machine are coarse",
    )


def clock_synchronised(state: tuple[bool, int] | None) -> Finding:
    """Say whether the kernel holds the clock to a time server; `state` is (synchronised, largest error in us)."""
    advice = "turn it on (timedatectl set-ntp true): venues refuse requests from another second"
    if state is not None and state[0]:
        finding = f"synchronised, at most {state[1] / 1000:,.1f} ms off"
        return Finding(area="Clock", name="time server", verdict="ok", finding=finding)
    finding = (
        "this system does not say whether its clock is synchronised"
        if state is None
        else "the kernel says its clock is not synchronised"
    )
    return Finding(area="Clock", name="time server", verdict="note", finding=finding, advice=advice)


# Files ------------------------------------------------------------------------------------------------------------


def directory(purpose: str, path: Path, mounts: str) -> list[Finding]:
    """Write and sync a file where xtrade keeps its own (or would: in the nearest directory that exists)."""
    there = next(
        parent for parent in (path, *path.parents) if os.path.lexists(parent) or parent == parent.parent
    )
    place = shown(path) + ("" if there == path else " (made when first needed)")

    def say(verdict: Verdict, finding: str, advice: str | None = None) -> list[Finding]:
        return [Finding(area="Files", name=purpose, verdict=verdict, finding=finding, advice=advice)]

    try:
        fsync_ms = _fsync_ms(there)
        free = _free_bytes(there)
    except OSError as error:
        return say(
            "problem",
            f"{shown(path)}: nothing can be written there ({(error.strerror or str(error)).lower()})",
            f"make {shown(there)} writable, or set XTRADE_HOME to a directory that is",
        )
    finding = f"{place}: writable, sync {fsync_ms:.1f} ms, {free / 1e9:,.1f} GB free"
    system = file_system(there, mounts)
    if system.startswith(NETWORK_FILE_SYSTEMS):
        return say("problem", f"{finding}, on {system}", "move it to a local disk: set XTRADE_HOME")
    if free < SPACE_BYTES_MIN:
        return say("problem", finding, "free some space: a full disk stops a node")
    if system in PASSING_FILE_SYSTEMS:
        return say(
            "note",
            f"{finding}, on {PASSING_FILE_SYSTEMS[system]}",
            "set XTRADE_HOME to a disk that stays, to keep it",
        )
    if free < SPACE_BYTES_GOOD:
        return say("note", finding, "free some space: a full disk stops a node")
    if fsync_ms > FSYNC_MS_MAX:
        return say("note", finding, "a slow disk: each order waits for the journal to be synced")
    return say("ok", finding)


def file_system(path: Path, mounts: str) -> str:
    """Return the kind of file system a path is on, out of the text of Linux's /proc/self/mounts ("" if unknown)."""
    rows = [line.split() for line in mounts.splitlines()]
    points = [(row[1].replace("\\040", " "), row[2]) for row in rows if len(row) > 2]
    holding = [(len(point), kind) for point, kind in points if path.resolve().is_relative_to(point)]
    return max(holding, default=(0, ""), key=lambda row: row[0])[1]


def key_files(home: Path) -> list[Finding]:
    """Say whether files that hold keys can be read by this user, and by nobody else."""
    if os.name != "posix":
        return []
    from xtrade.app.credentials.owner_only import own_directory, read_owner_only, refuse_special
    from xtrade.model.errors import CredentialsError

    found: list[Path] = []
    wrong: list[Finding] = []

    def problem(finding: str, advice: str | None = None) -> None:
        wrong.append(
            Finding(area="Files", name="key files", verdict="problem", finding=finding, advice=advice)
        )

    for place in (home, home / "keys"):
        try:
            inside = sorted(place.iterdir()) if own_directory(place) else []
        except CredentialsError as error:
            problem(str(error))
            break
        for path in inside:
            if path.name.startswith(".") or (place == home and not _may_hold_keys(path)):
                continue
            found.append(path)
            try:
                refuse_special(path)
                mode = os.stat(path).st_mode & 0o777 if os.path.exists(path) else 0
                if mode & 0o077:
                    problem(
                        f"{shown(path)} can be read by others (mode {mode:o})",
                        f"chmod 600 {shown(path)}, and replace the key at the venue if others use this machine",
                    )
                else:
                    read_owner_only(path)
            except CredentialsError as error:
                problem(str(error))
    finding = f"{len(found)} readable by you alone" if found else f"none yet in {shown(home)}"
    return wrong or [Finding(area="Files", name="key files", verdict="ok", finding=finding)]


# Optional parts and the terminal ----------------------------------------------------------------------------------


def extras(known: Iterable[Extra]) -> list[Finding]:
    """Say which optional parts are here, and how to get the others."""
    return [
        Finding(
            area="Optional parts",
            name=extra.name,
            verdict="absent" if missing else "ok",
            finding=extra.purpose,
            advice=how_to_install(extra.name) if missing else None,
        )
        for extra in known
        for missing in [extra.missing()]
    ]


def terminal(environment: Mapping[str, str]) -> Finding:
    """Say what the terminal can show."""
    encoding = (sys.stdout.encoding or "unknown").upper()
    kind = (
        environment.get("TERM", "unknown")
        if sys.stdout.isatty()
        else "none (standard output is not a terminal)"
    )
    colours = (
        "colours off" if environment.get("NO_COLOR") else environment.get("COLORTERM") or "basic colours"
    )
    readable = encoding.replace("-", "") == "UTF8"
    return Finding(
        area="Terminal",
        name="terminal",
        verdict="ok" if readable else "note",
        finding=f"{kind}, {encoding}" + (f", {colours}" if sys.stdout.isatty() else ""),
        advice=None
        if readable
        else "set a UTF-8 locale (LANG=C.UTF-8), or lines and marks are drawn with other signs",
    )


def completion(home: Path) -> Finding:
    """Say whether the tab key knows xtrade."""
    from xtrade.app.commands.completion import PLACES

    scripts = [shell for shell, place in PLACES.items() if (home / place.removeprefix("~/")).is_file()]
    startups = [home / name for name in (".bashrc", ".zshrc", ".config/fish/config.fish")]
    by_startup = [path.name for path in startups if "xtrade completion" in _read(path)]
    where = ", ".join([*scripts, *by_startup])
    return Finding(
        area="Terminal",
        name="completion",
        verdict="ok" if where else "absent",
        finding=f"installed: {where}" if where else "the tab key does not know xtrade's words yet",
        advice=None if where else "xtrade completion --help",
    )


# The real machine -------------------------------------------------------------------------------------------------


def _wall_ns() -> int:
    from xtrade.runtime import clock

    return clock.now_ns()


def _clock_resolutions_ns() -> tuple[int, int]:
    from time import get_clock_info

    return round(get_clock_info("time").resolution * 1e9), round(get_clock_info("monotonic").resolution * 1e9)


def _kernel_clock() -> tuple[bool, int] | None:
    """Ask Linux's kernel (adjtimex, which needs no privilege to read): (synchronised, largest error in us)."""
    if sys.platform != "linux":
        return None
    import ctypes

    # struct timex opens with: unsigned modes; long offset, freq, maxerror, esterror; int status; the rest is not read.
    fields = [(name, ctypes.c_long) for name in ("offset", "frequency", "maxerror", "esterror")]
    timex = type(
        "Timex",
        (ctypes.Structure,),
        {
            "_fields_": [
                ("modes", ctypes.c_uint),
                *fields,
                ("status", ctypes.c_int),
                ("rest", ctypes.c_byte * 256),
            ]
        },
    )()
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex))
    except (OSError, AttributeError):
        return None
    unsynchronised = 0x40
    return None if state < 0 else (not timex.status & unsynchronised, timex.maxerror)


def _sqlite_version() -> str:
    import sqlite3

    return sqlite3.sqlite_version


def _version_of(package: str) -> str | None:
    try:
        return version(package) if package == "xtrade" or find_spec(package) else None
    except PackageNotFoundError:
        return None


def _fsync_ms(directory: Path) -> float:
    from statistics import median
    from time import perf_counter_ns

    took = []
    with TemporaryFile(dir=directory, prefix=".xtrade-doctor-", buffering=0) as file:
        for _ in range(5):
            began_ns = perf_counter_ns()
            file.write(b"x" * 512)
            os.fsync(file.fileno())
            took.append((perf_counter_ns() - began_ns) / 1e6)
    return median(took)


def _free_bytes(path: Path) -> int:
    from shutil import disk_usage

    return disk_usage(path).free


def _mounts() -> str:
    return _read(Path("/proc/self/mounts"))


def _read(path: Path) -> str:
    with suppress(OSError):
        return path.read_text(errors="replace")
    return ""


def _may_hold_keys(path: Path) -> bool:
    """Tell by its name whether a file beside the configuration holds keys."""
    return path.name != "keys" and ("key" in path.name.lower() or path.suffix == ".pem")
