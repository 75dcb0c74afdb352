"""Where definitions come from."""

from pathlib import Path

import pytest

from gnomon.definitions import MetricSet, SpecificationSet
from gnomon.definitions.explanation import explain_metric, explain_specification
from gnomon.errors import MetricNotFoundError, SpecificationNotFoundError

METRICS = """
Step: &step
  description: A step.
  unit: s
  reference: {doc: LPM-17}
Other:
  <<: *step
  description: Another step.
"""
BASE = "id: cam\nmetadata_query: {camera: X}\ntags: [cam]\n"
SPECS = """
id: top
metric: Step
tags: [a]
threshold: {unit: s, operator: "<="}
---
name: design
base: "#top"
tags: one
threshold: {value: 5}
---
name: cam
base: [Step.design, "sub/base#cam"]
threshold:
  value: 6
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    for name, text in (
        ("metrics/p.yaml", METRICS),
        ("specs/p/a.yaml", SPECS),
        ("specs/p/sub/base.yaml", BASE),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_a_specification_is_explained_step_by_step(package: Path) -> None:
    found = explain_specification(package, "p.Step.cam")
    assert [(step.source, step.depth) for step in found.steps] == [
        ("p:a#top", 2),
        ("p.Step.design", 1),
        ("p:sub/base#cam", 1),
        ("p.Step.cam", 0),
    ]
    assert {part.key: part.value for part in found.steps[1].gives} == {"tags": "one", "threshold.value": 5}


def test_each_part_knows_the_document_file_and_line_it_comes_from(package: Path) -> None:
    parts = {part.key: part for part in explain_specification(package, "p.Step.cam").parts}
    assert (parts["threshold.value"].value, parts["threshold.value"].place.line) == (6, 15)
    assert parts["threshold.unit"].source == "p:a#top"
    camera = parts["metadata_query.camera"]
    assert (camera.source, camera.place.line) == ("p:sub/base#cam", 2)
    assert str(camera.place.file).endswith("base.yaml")


def test_the_parts_add_up_to_the_specification(package: Path) -> None:
    for name, specification in SpecificationSet.load_metrics_package(package).items():
        found = explain_specification(package, name)
        assert found.specification == specification
        tags = [part.value for part in found.parts if part.key == "tags"]
        assert {tag for value in tags for tag in ([value] if isinstance(value, str) else value)} == (
            specification.tags
        )


def test_a_metric_shows_what_its_anchor_gave(package: Path) -> None:
    parts = {part.key: part.place.line for part in explain_metric(package, "p.Other").parts}
    assert parts == {"description": 8, "unit": 4, "reference.doc": 5}
    assert explain_metric(package, "p.Other").metric == MetricSet.load_metrics_package(package)["p.Other"]


def test_a_wrong_name_is_told_with_the_nearest(package: Path) -> None:
    with pytest.raises(SpecificationNotFoundError, match=r"Did you mean p\.Step\.design"):
        explain_specification(package, "p.Step.desing")
    with pytest.raises(MetricNotFoundError, match=r"Did you mean p\.Step"):
        explain_metric(package, "p.Stp")
