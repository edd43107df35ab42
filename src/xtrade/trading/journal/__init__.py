"""The journal: what was decided and what became of it, written before anything leaves, never changed after.

    with open_journal("trading.journal", accounts=["okx"]) as journal:
        store = restored(journal.store).store       # what the last process left
        engine = Engine(..., journal=journal)

entries     Entry: one record with its place, time and session, chained to the one before by a digest
kinds       how records are written as bytes, and which of them must be on the disk before `append` returns
durable     DurableJournal: what the engine appends to; what happens when it cannot write
leases      one account, one writer: who holds it
sqlite      in a file; `postgres` in a database that several machines share
opening     by its name, for writing or reading
story       why: the chain of one order from what the market did to its last fill
"""

from xtrade.trading.journal.durable import DurableJournal
from xtrade.trading.journal.entries import Entry
from xtrade.trading.journal.opening import open_journal, read_journal

__all__ = ["DurableJournal", "Entry", "open_journal", "read_journal"]
