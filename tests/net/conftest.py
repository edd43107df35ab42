import pytest

from net.wires import Wires


@pytest.fixture(params=["sockets", "memory"])
def wires(request):
    """Real sockets on loopback, and a network in memory under virtual time."""
    return Wires(memory=request.param == "memory")


@pytest.fixture
def memory():
    return Wires(memory=True)
