"""What a run was made of, as hashes: two runs with the same fingerprint and seed gave the same figures.

Fingerprint            xtrade's version, the git commit of the strategies, their sources, the data
fingerprint            of a recording's strategies and of the data that was played
fingerprint_of_bytes   "sha256:…" of bytes, buffers or arrays, one after the other
fingerprint_of_file    the same of a file
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from xtrade.model.errors import DataError
from xtrade.research.recording import Recording

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["Fingerprint", "fingerprint", "fingerprint_of_bytes", "fingerprint_of_file"]


class Fingerprint(Struct, frozen=True, kw_only=True):
    """What a run was made of. A strategy that stands in no file (typed into a notebook) has no source hash; a folder
    without git has no commit.
    """

    xtrade: str
    python: str
    sources: Mapping[str, str]
    """The hash of each strategy's file, by the strategy's name."""
    commit: str = ""
    """Of the git working copy that the first strategy's file lies in (which may hold changes: see `sources`)."""
    data: str = ""


def fingerprint(recording: Recording, *, data: str = "") -> Fingerprint:
    """Describe the code of a recording's strategies as it stands on the disk; `data` is the hash of what it read."""
    sources = {
        name: strategy.source
        for name, strategy in sorted(recording.strategies.items())
        if strategy.source and Path(strategy.source).is_file()
    }
    first = next(iter(sources.values()), "")
    return Fingerprint(
        xtrade=_version(),
        python=f"{sys.version_info.major}.{sys.version_info.minor}",
        sources={name: fingerprint_of_file(Path(path)) for name, path in sources.items()},
        commit=_commit(Path(first).parent) if first else "",
        data=data,
    )


def fingerprint_of_bytes(parts: Iterable[Buffer]) -> str:
    """Hash bytes, buffers or contiguous arrays, one after the other, each with its length."""
    digest = hashlib.sha256()
    for part in parts:
        view = memoryview(part).cast("B")
        digest.update(len(view).to_bytes(8, "little"))
        digest.update(view)
    return f"sha256:{digest.hexdigest()}"


def fingerprint_of_file(path: Path) -> str:
    """Hash the content of a file, or raise DataError if it cannot be read."""
    try:
        with path.open("rb") as file:
            return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
    except OSError as error:
        raise DataError(f"{path}: cannot be read for its fingerprint: {error.strerror}") from error


def _version() -> str:
    try:
        return version("xtrade")
    except PackageNotFoundError:
        return "unknown"


def _commit(directory: Path) -> str:
    """Return the commit that the working copy around a directory is at; nothing where there is none.

    Read from git's files rather than asked of git: a folder's configuration must not run anything here.
    """
    for folder in (directory.resolve(), *directory.resolve().parents):
        if (git := folder / ".git").exists():
            try:
                return _head(git)
            except OSError:
                return ""
    return ""


def _head(git: Path) -> str:
    if git.is_file():  # a worktree: "gitdir: /where/its/own/files/are"
        git = (git.parent / git.read_text().removeprefix("gitdir:").strip()).resolve()
    head = (git / "HEAD").read_text().strip()
    if not head.startswith("ref: "):
        return head
    name = head.removeprefix("ref: ")
    shared = git / "commondir"
    common = (git / shared.read_text().strip()).resolve() if shared.exists() else git
    if (common / name).exists():
        return (common / name).read_text().strip()
    packed = common / "packed-refs"
    for line in packed.read_text().splitlines() if packed.exists() else ():
        if line.endswith(f" {name}"):
            return line.split(" ", 1)[0]
    return ""
