"""Files as other tools write them, made by the plainest code there is."""

import gzip
from decimal import Decimal

import numpy as np

from kit.markets import instrument
from xtrade.data.hftbacktest.events import EVENT
from xtrade.model.instruments import Kind

MARKET = instrument(Kind.SPOT, tick=Decimal("0.1"), lot=Decimal("0.001"))
START_US = 1_700_000_000_000_000

BOOK = "exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount"
TRADES = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount"
TICKER = (
    "exchange,symbol,timestamp,local_timestamp,funding_timestamp,funding_rate,predicted_funding_rate,"
    "open_interest,last_price,index_price,mark_price"
)


def us(offset):
    """A time of a file, some microseconds after its first."""
    return START_US + offset


def ns(offset):
    return us(offset) * 1_000


def csv(path, header, rows):
    """Write rows of cells below a header, packed if the name says so."""
    text = "\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n"
    raw = text.encode()
    path.write_bytes(gzip.compress(raw, mtime=0) if path.suffix == ".gz" else raw)
    return path


def level(at, side, price, amount, *, snapshot=False, late=10, symbol="BTCUSDT", heard=None):
    """One row of a book: it happened at an offset and was heard ten microseconds later."""
    told = us(at + late if heard is None else heard)
    return ("binance", symbol, us(at), told, str(snapshot).lower(), side, price, amount)


def trade(at, side, price, amount, *, name="", late=10, symbol="BTCUSDT"):
    return ("binance", symbol, us(at), us(at + late), name, side, price, amount)


def ticker(at, due, rate, mark):
    return ("binance", "BTCUSDT", us(at), us(at), "" if due is None else us(due), rate, "", "", "", "", mark)


def book(path, *rows):
    return csv(path, BOOK, rows)


def trades(path, *rows):
    return csv(path, TRADES, rows)


def npz(path, *events):
    """Write events (ev, exch_ts, local_ts, px, qty) as hftbacktest does."""
    array = np.zeros(len(events), EVENT)
    for name, column in zip(EVENT.names, zip(*events, strict=True), strict=False):
        array[name] = column
    np.savez_compressed(path, data=array)
    return path


def told(tape):
    """The rows of a tape as tuples: heard, happened (both in offsets of microseconds), kind, side, ticks, lots."""
    return [
        (
            int(row["local_ns"]) // 1_000 - START_US,
            int(row["venue_ns"]) // 1_000 - START_US,
            int(row["kind"]),
            int(row["side"]),
            int(row["ticks"]),
            int(row["lots"]),
        )
        for row in tape.rows
    ]
