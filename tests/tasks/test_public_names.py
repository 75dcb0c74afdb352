"""What authors of metrics build on is found in one place."""

import subprocess
import sys

import pytest

import gnomon.tasks


@pytest.mark.parametrize("name", gnomon.tasks.__all__)
def test_every_class_is_found_in_the_room_itself(name: str) -> None:
    found = getattr(gnomon.tasks, name)
    assert found.__name__ == name
    assert name in dir(gnomon.tasks)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="MetricTsk"):
        _ = gnomon.tasks.MetricTsk


def test_importing_the_room_loads_no_butler() -> None:
    program = "import gnomon.tasks, sys; print(any(name.startswith('lsst') for name in sys.modules))"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "False"
