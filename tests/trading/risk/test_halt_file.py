"""What keeps a halted desk from starting again, and what losses are counted from, survive the process."""

from __future__ import annotations

import pytest

from xtrade.model.errors import DataError, RiskRejected
from xtrade.model.money import Money
from xtrade.trading.risk.guards import Baselines
from xtrade.trading.risk.halt_file import BaselineFile, Halt, HaltFile


@pytest.fixture
def halt_file(tmp_path):
    return HaltFile(tmp_path / "state" / "HALTED")


def test_without_a_file_the_desk_may_start(halt_file):
    assert halt_file.read() is None
    halt_file.must_be_clear()


def test_a_halt_stays_until_somebody_clears_it(halt_file):
    halt = Halt(why="emergency_loss: 1500 USDT is lost", by="guard", at_ns=5)

    assert halt_file.halt(halt) == halt
    again = HaltFile(halt_file.path)
    assert again.read() == halt
    with pytest.raises(
        RiskRejected, match="halted by guard: emergency_loss: 1500 USDT is lost. Look at positions"
    ):
        again.must_be_clear()

    assert again.clear() == halt
    halt_file.must_be_clear()
    assert halt_file.clear() is None


def test_the_first_reason_stays(halt_file):
    first = halt_file.halt(Halt(why="first", by="guard"))
    assert halt_file.halt(Halt(why="second", by="signal")) == first
    assert halt_file.read() == first


def test_a_file_that_somebody_touched_is_a_halt_and_learns_its_reason(halt_file):
    halt_file.path.parent.mkdir()
    halt_file.path.touch()
    assert halt_file.read().by == "hand"
    halt_file.halt(Halt(why="why", by="guard"))
    assert halt_file.read().why == "why"


@pytest.mark.parametrize("content", [b"stop it\n", b'{"why": 5}', b"\xff\xfe", b"{"])
def test_whatever_stands_in_it_is_a_halt(halt_file, content):
    halt_file.path.parent.mkdir()
    halt_file.path.write_bytes(content)
    assert halt_file.read().by == "hand"
    with pytest.raises(RiskRejected):
        halt_file.must_be_clear()


def test_a_file_that_cannot_be_read_is_a_halt(halt_file):
    halt_file.path.mkdir(parents=True)  # a directory: not even root reads that as a file
    assert "cannot be read" in halt_file.read().why
    with pytest.raises(RiskRejected, match="cannot be read: Is a directory"):
        halt_file.must_be_clear()


def test_baselines_come_back_as_they_were(tmp_path):
    file = BaselineFile(tmp_path / "state" / "baselines.json")
    assert file.read() is None
    baselines = Baselines.at(Money.of("10000.000000000000000001", "USDT"), 10**18)

    file.write(baselines)

    assert BaselineFile(file.path).read() == baselines


def test_baselines_that_were_damaged_are_not_forgotten_in_silence(tmp_path):
    file = BaselineFile(tmp_path / "baselines.json")
    file.path.write_bytes(b'{"start": "10000 USDT"')
    with pytest.raises(DataError, match="Mend it, or remove it to count from the present equity"):
        file.read()
