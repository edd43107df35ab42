"""Memory by its address: what crosses from Python into a kernel, and from one kernel to the next, is one number.

block    a world, as words
reals    the same world, as floats
column   words that somebody else owns, such as a tape's rows

Taking an array apart costs a call from Python more than the call itself, and each of its words two checks that a
pointer does not have. Whoever hands out an address keeps the memory alive while kernels work on it. Compiled code
reads through a pointer; uncompiled code gets the array that is there. An array is taken as well, which is handy for
a kernel of one's own that adds words to a world.
"""

from __future__ import annotations

import ctypes
from typing import Any, Final, TypeAlias

import numpy as np
from numba import types
from numba.core import cgutils
from numba.extending import lower_builtin, type_callable
from numpy.typing import NDArray

__all__ = ["Where", "address_of", "block", "column", "reals"]

_Words: TypeAlias = NDArray[np.int64]
Where: TypeAlias = int | _Words
"""Where a world is: its address, or the array itself."""


def address_of(words: NDArray[Any]) -> int:
    """Return where an array's memory is; 0 if it has none."""
    return int(words.ctypes.data) if len(words) else 0


def block(world: Where) -> _Words:
    """Return the words of a world. Its first word is how many there are."""
    if isinstance(world, np.ndarray):
        return world
    return column(world, ctypes.c_int64.from_address(int(world)).value)


def reals(world: Where) -> NDArray[np.float64]:
    """Return the words of a world as the floats that some of them hold."""
    return block(world).view(np.float64)


def column(address: int, count: int) -> _Words:
    """Return `count` words that start at an address."""
    memory: Any = (ctypes.c_int64 * int(count)).from_address(int(address)) if count else b""
    words: _Words = np.frombuffer(memory, np.int64)
    return words


# -- the same, compiled ----------------------------------------------------------------------------------------------

# numba's stubs do not know these as functions with types.
_pointer: Any = types.CPointer
_callable: Any = type_callable
_lower: Any = lower_builtin
_parts_of: Any = cgutils.create_struct_proxy
_POINTERS: Final = {
    block: _pointer(types.int64),
    reals: _pointer(types.float64),
    column: _pointer(types.int64),
}


def _of_world(function: Any) -> None:
    _callable(function)(lambda _context: lambda world: _POINTERS[function])  # noqa: ARG005  (numba reads the names)
    _lower(function, types.int64)(_from_number)
    _lower(function, types.Array)(_from_array)


def _from_number(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))


def _from_array(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    array = _parts_of(signature.args[0])(context, builder, arguments[0])
    return builder.bitcast(array.data, context.get_value_type(signature.return_type))


_of_world(block)
_of_world(reals)
_callable(column)(lambda _context: lambda address, count: _POINTERS[column])  # noqa: ARG005
_lower(column, types.int64, types.int64)(_from_number)
