"""Where this user's journal is, and opening it for a run."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from xtrade.app.config.model import Config
from xtrade.app.paths import state_dir
from xtrade.model.errors import JournalBroken
from xtrade.trading.journal import DurableJournal, open_journal

__all__ = ["FILE_NAME", "journal_of", "move_journal", "place_of"]

FILE_NAME: Final = "trading.journal"


def place_of(config: Config) -> str:
    """Return where the configuration wants the journal: a path, or a database's address."""
    return config.journal.place or str(state_dir() / FILE_NAME)


def journal_of(
    config: Config,
    *,
    accounts: Sequence[str],
    note: str = "",
    wait_s: float = 0.0,
    on_trouble: Callable[[JournalBroken | None], None] | None = None,
) -> DurableJournal:
    """Open the journal of a run for writing, and hold its accounts against every other process of this user."""
    place = place_of(config)
    return open_journal(
        place if "://" in place else Path(place).expanduser(),
        accounts=accounts,
        leases=state_dir() / "leases",
        durability=config.journal.durability,
        wait_s=wait_s,
        note=note,
        on_trouble=on_trouble,
    )


def move_journal(journal: Path, folder: Path) -> None:
    """Move a journal that is closed into a folder, and remove the one it was in.

    Somebody may be reading it at this moment: then what was written last can stand in the log beside the file, which
    goes along.
    """
    for name in (f"{journal.name}-wal", journal.name):
        if (part := journal.with_name(name)).exists():
            part.rename(folder / name)
    shutil.rmtree(journal.parent)
