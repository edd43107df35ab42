"""Where one WebSocket frame ends and the next begins, and nothing else of them.

A fault that loses, doubles or swaps messages has to take whole ones: half a frame less is not a lost message but a
broken stream. The bytes themselves are handed on as they came.
"""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["Frame", "FrameSplitter"]

_TEXT_AND_BINARY: Final = (1, 2)
_LENGTH_BYTES: Final = {126: 2, 127: 8}


class Frame(NamedTuple):
    """One whole frame as it stood on the wire, head and all."""

    raw: bytes
    opcode: int
    final: bool

    @property
    def is_message(self) -> bool:
        """Is this a whole message: data, in one frame?"""
        return self.final and self.opcode in _TEXT_AND_BINARY


class FrameSplitter:
    """Cuts a stream of bytes, however it arrives, into whole frames; what is not whole yet waits."""

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting = b""

    def feed(self, chunk: bytes) -> list[Frame]:
        """Add bytes, and return the frames that are whole now."""
        stream = self._waiting + chunk
        start = 0
        frames = []
        while (size := frame_size(stream, start)) is not None and start + size <= len(stream):
            head = stream[start]
            frames.append(Frame(stream[start : start + size], head & 0x0F, bool(head & 0x80)))
            start += size
        self._waiting = stream[start:]
        return frames

    @property
    def waiting(self) -> bytes:
        """What is not a whole frame yet."""
        return self._waiting


def frame_size(stream: bytes, start: int) -> int | None:
    """Return the size of the frame that starts there, head included; None where its head is not whole."""
    if len(stream) < start + 2:
        return None
    second = stream[start + 1]
    size = second & 0x7F
    at = start + 2
    if size in _LENGTH_BYTES:
        extra = _LENGTH_BYTES[size]
        if len(stream) < at + extra:
            return None
        size = int.from_bytes(stream[at : at + extra], "big")
        at += extra
    return (at - start) + (4 if second & 0x80 else 0) + size
