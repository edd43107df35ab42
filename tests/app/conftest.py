"""What tests of the command line share."""

import os
from contextlib import contextmanager

import pytest

NOBODY = 65534


@pytest.fixture
def as_nobody():
    """Close a directory to this process for a while, also where root runs the tests, to whom no door is closed."""

    @contextmanager
    def closed(directory):
        mode, user = directory.stat().st_mode, os.geteuid()
        directory.chmod(0)
        if user == 0:
            os.seteuid(NOBODY)
        try:
            yield
        finally:
            os.seteuid(user)
            directory.chmod(mode & 0o7777)

    return closed
