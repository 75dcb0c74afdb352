"""The JSON Schemas say of a file what the reader says."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from click.testing import CliRunner

from gnomon.cli import main
from gnomon.definitions import MetricSet, SpecificationSet
from gnomon.definitions.building import document_keys
from gnomon.definitions.metadata_query import CONDITIONS
from gnomon.definitions.recipe import AGGREGATIONS
from gnomon.definitions.schemas import read_schema
from gnomon.errors import DefinitionError

DEMO = Path(str(files("gnomon.demo"))) / "definitions"
SCHEMAS: dict[str, Any] = {kind: json.loads(read_schema(kind)) for kind in ("metrics", "specifications")}


def accepts(kind: str, document: Any) -> bool:
    return bool(jsonschema.Draft7Validator(SCHEMAS[kind]).is_valid(document))


@pytest.mark.parametrize("kind", SCHEMAS)
def test_a_schema_is_one(kind: str) -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMAS[kind])


def test_the_demonstration_is_valid() -> None:
    for path in (DEMO / "metrics").glob("*.yaml"):
        assert accepts("metrics", yaml.safe_load(path.read_text()))
    for path in (DEMO / "specs").rglob("*.yaml"):
        for document in yaml.safe_load_all(path.read_text()):
            assert accepts("specifications", document), document


def test_the_schema_knows_the_aggregations_that_the_reader_knows() -> None:
    measure = SCHEMAS["metrics"]["definitions"]["measure"]
    assert set(measure["properties"]["aggregate"]["anyOf"][0]["enum"]) == AGGREGATIONS


def test_the_schema_knows_the_keys_that_the_reader_knows() -> None:
    properties = SCHEMAS["specifications"]["properties"]
    assert set(properties) == set(document_keys())
    assert set(SCHEMAS["specifications"]["definitions"]["condition"]["properties"]) == set(CONDITIONS)


@pytest.mark.parametrize(
    "text",
    [
        "A: {unit: s, tag: [x]}",
        "A: {unit: 3}",
        "A: {unit: s, better: bigger}",
        "A: {unit: s, reference: {dok: x}}",
        "A: {unit: s, reference: {gnomon: {dimension: [visit]}}}",
        "A: {unit: s, measure: {aggregate: medium, of: x}}",
        "A: {unit: s, measure: {aggregate: 'a:b:c', of: x}}",
        "A: {unit: s, measure: {of: x}}",
        "A: {unit: s, measure: {aggregate: median, of: x, selekt: y}}",
        "A: {unit: s, measure: {aggregate: percentile, of: x, percentile: 101}}",
        "A: {unit: s, tags: [1]}",
        "A B: {unit: s}",
        "A: 5",
    ],
)
def test_what_the_reader_refuses_in_metrics_the_schema_refuses(tmp_path: Path, text: str) -> None:
    assert not accepts("metrics", yaml.safe_load(text))
    (tmp_path / "p.yaml").write_text(text)
    with pytest.raises(DefinitionError):
        MetricSet.load_single_package(tmp_path / "p.yaml", strict=True)


THRESHOLD = "threshold: {value: 1, unit: s, operator: <}"


@pytest.mark.parametrize(
    "text",
    [
        f"name: m.s\nprovenance_query: {{}}\n{THRESHOLD}",
        f"name: m.s\nid: x\n{THRESHOLD}",
        THRESHOLD,
        "name: m.s\nthreshold: {value: x, unit: s, operator: <}",
        "name: m.s\nthreshold: {value: 1, unit: s, operator: =<}",
        f"name: m.s\nmetadata_query: {{a: {{mn: 1}}}}\n{THRESHOLD}",
        f"name: m.s\nmetadata_query: [a]\n{THRESHOLD}",
        f"name: m.s\nstatistics: {{fraction: 2}}\n{THRESHOLD}",
        f"name: m.s\ntier: dsign\n{THRESHOLD}",
        f"name: m.s\ntype: rang\n{THRESHOLD}",
    ],
)
def test_what_the_reader_refuses_in_specifications_the_schema_refuses(tmp_path: Path, text: str) -> None:
    assert not accepts("specifications", yaml.safe_load(text))
    folder = tmp_path / "p"
    folder.mkdir()
    (folder / "a.yaml").write_text(text)
    with pytest.raises(DefinitionError):
        SpecificationSet.load_single_package(folder, strict=True)


@pytest.mark.parametrize(
    "text",
    [
        'name: m.s\nthreshold: {value: "1e-3", unit: "", operator: "<"}',
        "name: m.s\nmetadata_query: {visits: [1, 2], band: g, airmass: {min: 1}}\nbaseline: {increase: 0.1}",
        "id: x\ntags: !!set {a, b}\n",
        "name: m.s\nrange: {lower: 1, upper: 2, unit: s}\ntags: one",
    ],
)
def test_what_the_reader_takes_the_schema_takes(text: str) -> None:
    document = yaml.safe_load(text)
    if isinstance(document.get("tags"), set):
        document["tags"] = dict.fromkeys(document["tags"])  # as JSON has a set of YAML
    assert accepts("specifications", document)


def test_editors_can_have_them_from_the_command_line() -> None:
    for group, kind in (("metrics", "metrics"), ("specs", "specifications")):
        result = CliRunner().invoke(main, [group, "schema"])
        assert json.loads(result.output) == SCHEMAS[kind]
