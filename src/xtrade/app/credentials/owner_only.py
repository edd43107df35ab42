"""Files and directories that nobody else can read or change: asked before anything in them is believed."""

from __future__ import annotations

import os
import shlex
import stat
from pathlib import Path
from typing import Final

from xtrade.model.errors import CredentialsError

__all__ = ["own_directory", "read_owner_only", "refuse_special"]

SIZE_MAX: Final = 64 * 1024


def read_owner_only(path: Path) -> bytes:
    """Read a file that nobody else can read or change, or say which command makes it so."""
    try:
        with path.open("rb") as file:
            # The open file is asked, not its name: nobody can exchange it in between.
            state = os.fstat(file.fileno())
            if state.st_uid != os.geteuid():
                raise CredentialsError(f"{path} belongs to another user: chown it, or copy it, to yours")
            if state.st_mode & 0o077:
                raise CredentialsError(
                    f"{path} is open to other users (mode {state.st_mode & 0o777:o}):"
                    f" chmod 600 {shlex.quote(str(path))}"
                )
            content = file.read(SIZE_MAX + 1)
    except OSError as error:
        raise CredentialsError(f"cannot read {path}: {_reason(path, error)}") from None
    if len(content) > SIZE_MAX:
        raise CredentialsError(f"{path} is larger than any key file ({SIZE_MAX // 1024} KiB)")
    return content


def own_directory(path: Path) -> bool:
    """Tell whether a directory is there; raise if it cannot be looked into, or others can change what it holds."""
    try:
        state = path.stat()
        if not stat.S_ISDIR(state.st_mode):
            raise CredentialsError(f"{path} is not a directory")
        # To list what it holds and to reach it are two rights.
        os.listdir(path)
        os.stat(f"{path}/.")
    except (FileNotFoundError, NotADirectoryError) as error:
        if path.is_symlink():
            raise CredentialsError(f"cannot look into {path}: {_reason(path, error)}") from None
        return False
    except OSError as error:
        raise CredentialsError(f"cannot look into {path}: {error.strerror}") from None
    # Who can change the directory can put another file in the place of one that is closed.
    if state.st_mode & 0o022:
        raise CredentialsError(
            f"other users can change what is in {path} (mode {state.st_mode & 0o777:o}):"
            f" chmod go-w {shlex.quote(str(path))}"
        )
    return True


def refuse_special(path: Path) -> None:
    """Raise where a directory or a pipe has the name of a file: reading a pipe would wait for ever."""
    if os.path.exists(path) and not os.path.isfile(path):
        raise CredentialsError(f"{path} is not a file")


def _reason(path: Path, error: OSError) -> str:
    dangling = isinstance(error, FileNotFoundError) and path.is_symlink()
    return "it is a link, and what it points to is not there" if dangling else error.strerror or str(error)
