"""Ids for several accounts at once: reserved on every one of them, and given on none twice."""

from xtrade.runtime.ids import BITS_48, EPOCH_2025, FileMark, JointMark, MemoryMark

NOW_NS = EPOCH_2025 + 10**17


def test_a_block_is_reserved_on_every_account(tmp_path):
    marks = [FileMark(tmp_path / name, BITS_48) for name in ("one", "other")]
    block = JointMark(marks).reserve(NOW_NS)
    assert len(block) > 0
    assert all(mark.reserve(NOW_NS).start >= block.stop for mark in marks)


def test_whoever_is_behind_is_brought_up_to_the_one_that_is_ahead():
    ahead, behind = MemoryMark(BITS_48, BITS_48.at(NOW_NS) + 10**6), MemoryMark(BITS_48)
    joint = JointMark([ahead, behind])
    first, second = joint.reserve(NOW_NS), joint.reserve(NOW_NS)
    assert BITS_48.at(NOW_NS) + 10**6 <= first.start < first.stop <= second.start < second.stop
    assert behind.reserve(NOW_NS).start >= second.stop
