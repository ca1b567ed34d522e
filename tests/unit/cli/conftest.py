"""Fixtures of the command line's tests."""

import pytest

from paraserve.cli.main import main


@pytest.fixture
def run(capsys):
    """Run a command line; gives exit code, stdout and stderr."""

    def run(*args):
        with pytest.raises(SystemExit) as ended:
            main([str(arg) for arg in args])
        return ended.value.code, *capsys.readouterr()

    return run
