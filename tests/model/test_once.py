"""What is computed when it is first asked for, and not again."""

from msgspec import Struct
from msgspec.structs import replace

from xtrade.model.once import once

computed = []


class Square(Struct, frozen=True, dict=True):
    side: int

    @once
    def area(self) -> int:
        """Side by side."""
        computed.append(self.side)
        return self.side**2


def test_it_is_computed_once_for_each_value_and_is_no_part_of_it():
    computed.clear()
    three = Square(3)

    assert (three.area, three.area) == (9, 9)
    assert computed == [3]
    assert three == Square(3)
    assert replace(three, side=4).area == 16, "a changed copy does not keep what was computed of another"
    assert computed == [3, 4]
    assert Square.area.__doc__ == "Side by side."
