"""Backpack for the link: everything that its rooms know, in one class."""

from __future__ import annotations

from typing import ClassVar

from xtrade.venues.backpack.spec import SPEC
from xtrade.venues.backpack.streams import Streams
from xtrade.venues.spec import Spec

__all__ = ["BackpackCodec"]


class BackpackCodec(Streams):
    """One account at Backpack, or its public data alone, in bytes."""

    spec: ClassVar[Spec] = SPEC
