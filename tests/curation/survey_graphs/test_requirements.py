"""What is required of the inputs of graphs of a survey."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from lsst.daf.butler import (
    Butler,
)

from gnomon.annotations import Annotations
from gnomon.curation.exclusions import Selection, find_exclusions
from gnomon.curation.graphs.accounts import Accounts
from gnomon.curation.graphs.warnings import warnings_of
from gnomon.errors import ExclusionError
from gnomon.store import open_store
from gnomon.testing.surveys import Survey

from .taking_apart import (
    ALICE,
    CAMERA,
    Key,
    Quantum,
    asked,
    closure,
    graph_of,
    mark,
    taken_apart,
    visit,
)


def test_a_required_flag_is_asked_of_observations_and_not_of_calibrations(
    butler: Butler, survey: Survey, log: Annotations, everything: dict[Key, Quantum]
) -> None:
    good = survey.visit_ids[:3]
    mark(log, *(visit(one) for one in good), flag="recovered")
    mark(log, visit(good[2]), flag="recovered", actor=ALICE, state="clear")
    exclusions = asked(log, butler, exclude_flags=(), require_flags=("recovered",))
    graph = graph_of(butler, survey, exclusions)
    kept = {exposure for one in good[:2] for exposure in survey.exposures_of(one)}
    assert taken_apart(graph.components) == closure(
        everything, quantum=lambda *_: False, dataset=lambda one: one[0] == "raw" and one[1][2] not in kept
    )
    reasons = Counter(one.why.reason for one in graph.left_out)
    assert reasons == {"never examined": 3 * 2 * 3, "cleared: too dark": 2 * 3}
    (asked_for,) = graph.components.header.metadata["gnomon_exclusions"]["asked"]
    assert asked_for == {
        "rule": "require-flag",
        "name": "recovered",
        "asked": 6 * 2 * 3,
        "lacking": 4 * 2 * 3,
        "unknown": 3 * 2 * 3,
    }


def test_a_required_metric_of_visits_is_asked_of_their_raws(
    butler: Butler,
    survey: Survey,
    rows: Callable[..., pl.DataFrame],
    tmp_path: Path,
    everything: dict[Key, Quantum],
) -> None:
    store = open_store(tmp_path / "store")
    seeing = rows("demo.seeing", [0.8, 0.9, 1.3, 0.7], unit="arcsec", instrument=CAMERA)
    seeing = seeing.with_columns(visit=pl.Series(survey.visit_ids[:4]))
    store.append(seeing.to_arrow(), source="test")
    selection = Selection(require_metrics=("seeing < 1.2 arcsec",))
    exclusions = find_exclusions(selection, store=store, butler=butler)
    graph = graph_of(butler, survey, exclusions)
    kept = {exposure for place in (0, 1, 3) for exposure in survey.exposures_of(survey.visit_ids[place])}
    assert taken_apart(graph.components) == closure(
        everything, quantum=lambda *_: False, dataset=lambda one: one[0] == "raw" and one[1][2] not in kept
    )
    reasons = Counter(one.why.reason for one in graph.left_out)
    assert reasons == {"never measured": 2 * 2 * 3, "demo.seeing = 1.3 arcsec".removeprefix("demo."): 2 * 3}


def test_a_requirement_that_none_of_the_inputs_can_be_asked_is_refused(
    butler: Butler, survey: Survey, rows: Callable[..., pl.DataFrame], tmp_path: Path
) -> None:
    store = open_store(tmp_path / "store")
    sky = rows("demo.sky", [1.0], instrument=CAMERA, visit=survey.visit_ids[0], skymap="sky", tract=1)
    store.append(sky.to_arrow(), source="test")
    exclusions = find_exclusions(Selection(require_metrics=("sky < 2",)), store=store, butler=butler)
    with pytest.raises(ExclusionError, match="could be asked of none of 36 inputs"):
        graph_of(butler, survey, exclusions)


def test_a_requirement_that_only_some_inputs_can_be_asked_is_named(
    rows: Callable[..., pl.DataFrame], tmp_path: Path
) -> None:
    store = open_store(tmp_path / "store")
    store.append(rows("demo.sky", [1.0], detector=0).to_arrow(), source="test")
    exclusions = find_exclusions(Selection(require_metrics=("sky < 2",)), store=store)
    accounts = Accounts()
    accounts.ask(6, ("instrument", "visit", "detector"), exclusions.requirements)
    assert warnings_of(exclusions, [], accounts) == ()
    accounts.ask(2, ("instrument", "visit"), exclusions.requirements)
    accounts.ask(9, ("instrument", "detector"), exclusions.requirements)
    (warning,) = warnings_of(exclusions, [], accounts)
    assert "could be asked of 6 of 8 inputs that name an observation" in warning
