"""What the engine appends to: records are chained, written, and only then does anything happen.

When it cannot write (`trouble` says why) orders and amends are refused by JournalBroken; all else goes on, cancels
above all: it is kept in memory, and written in order when `try_again` finds that it can.

    WRITING ── a write fails ──▶ BROKEN ── try_again ──▶ WRITING
                                   └── final: only a new process can go on (and asks the venue first)
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Final, Protocol, Self

from xtrade.model.errors import JournalBroken
from xtrade.runtime import clock
from xtrade.trading.journal.entries import Entry, checked, sealed
from xtrade.trading.journal.kinds import goes_first, is_urgent, kind_of, order_of, to_body
from xtrade.trading.journal.leases import me
from xtrade.trading.ports import Decided, Record, SessionClosed, SessionOpened

__all__ = ["BACKLOG_MAX", "DurableJournal", "Store"]

BACKLOG_MAX: Final = 100_000
"""So many records are kept while nothing can be written; then a new process must ask the venue what happened."""


class Store(Protocol):
    """Where entries are kept. Whatever fails in it is raised as JournalBroken (writing) or DataError (reading)."""

    @property
    def name(self) -> str:
        """What it is called in messages."""
        ...

    @property
    def genesis(self) -> bytes:
        """What the first entry is chained to."""
        ...

    def append(self, entries: Sequence[Entry], *, urgent: bool) -> int:
        """Write entries, all or none; return up to which sequence everything is written for certain."""
        ...

    def flush(self) -> int:
        """Write what is on its way; return up to which sequence everything is written for certain."""
        ...

    def reopen(self) -> tuple[int, int, bytes]:
        """After a failure: be ready to write again, lease in hand, and tell where the chain ends."""
        ...

    def head(self) -> tuple[int, int, bytes]:
        """Tell where the chain ends: sequence, session, digest."""
        ...

    def read(self, *, after: int = 0, order: int | None = None, kind: str | None = None) -> Iterator[Entry]:
        """Give entries in order, all, or those about one order or of one kind."""
        ...

    def checkpoint(self) -> bytes | None:
        """Give what was kept last (xtrade.trading.checkpoints); None if nothing is there."""
        ...

    def keep_checkpoint(self, data: bytes) -> None:
        """Keep this in place of what was kept before."""
        ...

    def close(self) -> None:
        """Let it go, its lease with it."""
        ...


class DurableJournal:
    """A journal that survives. One thread appends; a session begins when it is made and ends when it is closed."""

    tells_why: Final = True
    """Asks the engine to say, before each order, what the strategy had before it."""

    def __init__(
        self,
        store: Store,
        *,
        accounts: Sequence[str] = (),
        note: str = "",
        on_trouble: Callable[[JournalBroken | None], None] | None = None,
    ) -> None:
        self.store = store
        self.trouble: JournalBroken | None = None
        """Why nothing can be written now; None while all is well."""
        self.on_trouble = on_trouble
        """Called when trouble comes, and with None when it is over."""
        self._sequence, session, self._digest = store.head()
        self.session = session + 1
        self._safe = self._sequence, self._digest
        self._backlog: deque[tuple[int, Record]] = deque()
        # Sealed, and not known to be written: lazy ones on their way, and what failed.
        self._open: deque[Entry] = deque()
        self.slowest_append_ns = 0
        self.appended = 0
        holder = me()
        self._write(
            SessionOpened(
                host=holder.host, pid=holder.pid, program=holder.program, accounts=tuple(accounts), note=note
            )
        )

    @property
    def sequence(self) -> int:
        """The place of the last record."""
        return self._sequence

    @property
    def backlog(self) -> int:
        """How many records wait until the journal can write again."""
        return 0 if self.trouble is None else len(self._backlog) + len(self._open)

    @property
    def may_place(self) -> bool:
        """Whether orders may be sent."""
        return self.trouble is None

    @property
    def may_cancel(self) -> bool:
        """Whether cancels may be sent: unless another process holds the accounts now."""
        return self.trouble is None or not self.trouble.lost

    def append(self, record: Record) -> None:
        """Write one record; see the port for what happens when it cannot be written."""
        if self.trouble is not None:
            if goes_first(record):
                raise JournalBroken(str(self.trouble), final=self.trouble.final, lost=self.trouble.lost)
            self._keep(record)
            return
        try:
            self._write(record)
        except JournalBroken as error:
            self._is_broken(error)
            if goes_first(record):
                raise

    def flush(self) -> None:
        """See to it that everything appended is written; for quiet moments, and before the end."""
        if self.trouble is None:
            try:
                self._write_backlog(urgent=False)
                self._certain(self.store.flush())
            except JournalBroken as error:
                self._is_broken(error)

    def try_again(self) -> bool:
        """After trouble: write what was kept, and tell whether all is well again."""
        if self.trouble is None:
            return True
        if self.trouble.final:
            return False
        try:
            self._write_what_was_kept(self.store.reopen())
        except JournalBroken as error:
            self.trouble = error
            return False
        self.trouble = None
        if self.on_trouble is not None:
            self.on_trouble(None)
        return True

    def entries(self, *, after: int = 0, order: int | None = None) -> Iterator[Entry]:
        """Read what is written: the whole chain, checked; or what is about one order."""
        if order is not None:
            return self.store.read(order=order)
        assert after == 0, "the chain is checked from its beginning"
        return checked(self.store.read(), self.store.genesis, where=self.store.name)

    def close(self, reason: str = "") -> None:
        """End the session: say so in the journal where it can be written, and let the lease go."""
        self.append(SessionClosed(reason=reason))
        self.flush()
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.close("" if error is None else f"{type(error).__name__}: {error}")

    # -- how ------------------------------------------------------------------------------------------------------

    def _write(self, record: Record) -> None:
        began_ns = clock.monotonic_ns()
        self._backlog.append((clock.now_ns(), record))
        if type(record) is Decided:
            return  # it says nothing without its order, which follows at once: one transaction for both
        self._write_backlog(urgent=is_urgent(record))
        self.slowest_append_ns = max(self.slowest_append_ns, clock.monotonic_ns() - began_ns)

    def _write_backlog(self, *, urgent: bool) -> None:
        """Seal what waits, and write it: it is kept until it is certain, so a second failure finds it in the chain."""
        sealed = [self._seal(at_ns, record) for at_ns, record in self._backlog]
        self._backlog.clear()
        self._open.extend(sealed)
        if sealed:
            self._certain(self.store.append(sealed, urgent=urgent))

    def _seal(self, at_ns: int, record: Record) -> Entry:
        entry = sealed(
            self._digest,
            sequence=self._sequence + 1,
            session=self.session,
            at_ns=at_ns,
            kind=kind_of(record),
            order=order_of(record),
            body=to_body(record),
        )
        self._sequence, self._digest = entry.sequence, entry.digest
        self.appended += 1
        return entry

    def _certain(self, sequence: int) -> None:
        """Forget what is written for certain."""
        while self._open and self._open[0].sequence <= sequence:
            entry = self._open.popleft()
            self._safe = entry.sequence, entry.digest

    def _is_broken(self, error: JournalBroken) -> None:
        self.trouble = error
        if self.on_trouble is not None:
            self.on_trouble(error)

    def _keep(self, record: Record) -> None:
        assert self.trouble is not None
        if len(self._backlog) < BACKLOG_MAX:
            self._backlog.append((clock.now_ns(), record))
        elif not self.trouble.final:
            self.trouble = JournalBroken(
                f"{self.store.name}: {BACKLOG_MAX:,} records wait to be written and there is no room for more:"
                " restart, so that the venue is asked what happened",
                final=True,
            )

    def _write_what_was_kept(self, head: tuple[int, int, bytes]) -> None:
        """Go on where the chain ends: with what we sealed before the failure, or not at all."""
        sequence, _, digest = head
        ours = dict([self._safe, *((entry.sequence, entry.digest) for entry in self._open)])
        if ours.get(sequence) != digest:
            raise JournalBroken(
                f"{self.store.name} does not end where this process left it: another process writes it now, or an"
                " older copy was put in its place. This one sends nothing more: restart it",
                lost=True,
            )
        self._certain(sequence)
        if self._open:
            self._certain(self.store.append(list(self._open), urgent=True))
        self._write_backlog(urgent=True)
