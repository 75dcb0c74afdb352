"""A repository of a survey, and all quanta that there could be of it."""

from collections.abc import Iterator

import pytest
from lsst.daf.butler import (
    Butler,
)

from gnomon.repository.configuration import open_butler
from gnomon.testing.surveys import Survey

from .taking_apart import Key, Quantum, stock


@pytest.fixture(scope="module")
def butler(survey: Survey) -> Iterator[Butler]:
    with open_butler(survey.folder) as client:
        yield client


@pytest.fixture(scope="module")
def everything(butler: Butler, survey: Survey) -> dict[Key, Quantum]:
    return stock(butler, survey)
