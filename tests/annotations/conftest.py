"""What the tests of the room share: a log in a file of its own, and a few people and programs."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gnomon.annotations import Actor, Annotations, Target, open_annotations


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "annotations.db"


@pytest.fixture
def log(path: Path) -> Iterator[Annotations]:
    with open_annotations(path, origin="summit") as annotations:
        yield annotations


@pytest.fixture
def alice() -> Actor:
    return Actor("alice", "human")


@pytest.fixture
def bruno() -> Actor:
    return Actor("bruno", "human")


@pytest.fixture
def bot() -> Actor:
    return Actor("zero-point-bot", "bot", agent="gnomon", agent_version="0.1")


@pytest.fixture
def visit() -> Callable[[int], Target]:
    return lambda number: Target.dimension("visit", {"instrument": "LSSTCam", "visit": number})
