"""The events of hftbacktest's npz: how they are laid out, and a file of them as it is.

An event is one row where it keeps its place in both orders, that of the venue (flag EXCH) and that of who heard it
(flag LOCAL); otherwise it is two, one for each.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from xtrade.data.grid import Flags
from xtrade.data.opening import contents
from xtrade.model.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "ASK_FLAG", "BBO", "BID_FLAG", "CLEAR", "DEPTH", "EVENT", "EXCH", "KINDS", "KIND_BITS", "LOCAL", "ORDER_KINDS",
    "SNAPSHOT", "TRADE", "events_of", "has",
]  # fmt: skip

EVENT: Final = np.dtype(
    [
        ("ev", "<u8"),
        ("exch_ts", "<i8"),
        ("local_ts", "<i8"),
        ("px", "<f8"),
        ("qty", "<f8"),
        ("order_id", "<u8"),
        ("ival", "<i8"),
        ("fval", "<f8"),
    ],
    align=True,
)

EXCH: Final = 1 << 31
LOCAL: Final = 1 << 30
BID_FLAG: Final = 1 << 29
ASK_FLAG: Final = 1 << 28
KIND_BITS: Final = 0xFF
DEPTH: Final = 1
TRADE: Final = 2
CLEAR: Final = 3
SNAPSHOT: Final = 4
BBO: Final = 5
KINDS: Final = (DEPTH, TRADE, CLEAR, SNAPSHOT, BBO)
ORDER_KINDS: Final = (10, 11, 12, 13)


def events_of(path: Path) -> NDArray[Any]:
    """Return the events of an npz (or npy) file as they are, or a DataError."""
    raw = contents(path)
    try:
        loaded = np.load(BytesIO(raw), allow_pickle=False)
        if isinstance(loaded, np.lib.npyio.NpzFile):
            names = loaded.files
            if not names:
                raise DataError(f"{path}: the npz file has no array in it")
            loaded = loaded["data" if "data" in names else names[0]]
        array = np.asarray(loaded)
    except DataError:
        raise
    except Exception as error:  # noqa: BLE001  (zip, zlib and numpy have a dozen errors for broken bytes)
        raise DataError(f"{path}: this is no readable npz file: {str(error)[:80]}") from None
    missing = [
        name for name in ("ev", "exch_ts", "local_ts", "px", "qty") if name not in (array.dtype.names or ())
    ]
    if missing:
        raise DataError(
            f"{path}: its array has no field {missing[0]!r} ({str(array.dtype)[:80]}): expected hftbacktest's events"
            " (ev, exch_ts, local_ts, px, qty, …) of version 2"
        )
    for name, kinds in {"ev": "iu", "exch_ts": "iu", "local_ts": "iu", "px": "f", "qty": "f"}.items():
        if array.ndim != 1 or array.dtype[name].kind not in kinds or array.dtype[name].shape:
            raise DataError(f"{path}: the field {name} holds {array.dtype[name]} in {array.ndim} dimensions")
    if not len(array):
        raise DataError(f"{path}: the file has no events")
    return array


def has(flags: NDArray[np.uint64], flag: int) -> Flags:
    """Say which rows have a flag."""
    return np.asarray((flags & np.uint64(flag)) != 0)
