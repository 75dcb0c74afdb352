"""Files of jobs: those of the established writer, and those of nobody in his right mind."""

import copy
import json
import math
from pathlib import Path
from typing import Any

import astropy.units as u
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.measurements.strategies import notes, texts

from gnomon.errors import FormatError
from gnomon.measurements import Datum, Job

ESTABLISHED: dict[str, Any] = {
    "measurements": [
        {"metric": "p.a", "identifier": "m1", "value": 1.5, "unit": "s", "blob_refs": ["b1", "b2"]},
        {"metric": "p.none", "identifier": "m2", "value": None, "unit": None, "blob_refs": []},
        {"metric": "p.nan", "identifier": "m3", "value": None, "unit": "mmag", "blob_refs": ["b2"]},
        {"metric": "p.whole", "identifier": "m4", "value": 3, "unit": "", "blob_refs": []},
        {"metric": "bare", "identifier": "m5", "value": 1e-07, "unit": "adu / pix", "blob_refs": []},
    ],
    "blobs": [
        {
            "identifier": "b1",
            "name": "p.a",
            "data": {
                "count": {"value": 1, "unit": "", "label": None, "description": None},
                "rms": {"value": 0.1, "unit": "mag", "label": "RMS", "description": "Scatter."},
                "nan": {"value": None, "unit": "s", "label": None, "description": None},
                "none": {"value": None, "unit": "", "label": None, "description": None},
                "array": {"value": [[1.0, None], [2.5, 3.0]], "unit": "s", "label": "", "description": ""},
                "whole": {"value": [1, 2], "unit": "ct", "label": None, "description": None},
                "text": {"value": "2025-01-01T00:00:00", "unit": "", "label": None, "description": None},
                "flag": {"value": True, "unit": "", "label": None, "description": None},
            },
        },
        {"identifier": "b2", "name": "stars", "data": {}},
    ],
    "metrics": [
        {
            "name": "p.a",
            "description": "Wall-clock time.",
            "unit": "s",
            "tags": ["b", "a"],
            "reference": {"doc": "LPM-17", "page": 23, "url": "http://x"},
        },
        {
            "name": "p.nan",
            "description": "",
            "unit": "mmag",
            "tags": [],
            "reference": {"doc": None, "page": None, "url": None},
        },
    ],
    "specs": [
        {
            "name": "p.a.design",
            "type": "threshold",
            "threshold": {"value": 2.0, "unit": "s", "operator": "<="},
            "metadata_query": {"camera": "small"},
            "tags": ["z", "a"],
        }
    ],
    "meta": {
        "camera": "small",
        "a.b.c.d": {"x": [1, 2.5, None, True]},
        "..": 1,
        "": "é\ud800",
        "p.a.estimator.of.what": "median",
        "bare.note": 5,
        "unmeasured.metric.note": 5,
    },
}


def layout(document: Any) -> str:
    return json.dumps(document, indent=2, sort_keys=True)


def put(folder: Path, text: str | bytes) -> Path:
    path = folder / "job.verify.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_file_of_the_established_writer_is_read_and_written_to_the_byte(tmp_path: Path) -> None:
    path = put(tmp_path, layout(ESTABLISHED))
    job = Job.read(path)
    assert (job.problems, job.schema_version) == ([], None)
    measured = job.measurements
    assert measured["p.a"].quantity == 1.5 * u.s
    assert measured["p.a"].metric is job.metrics["p.a"]
    assert measured["p.a"].notes["estimator.of.what"] == "median"
    assert measured["p.none"].quantity is None
    assert math.isnan(measured["p.nan"].value or 0)
    assert measured["p.whole"].quantity == u.Quantity(3.0)
    extras = measured["p.a"].extras
    assert extras["rms"] == Datum(0.1 * u.mag, label="RMS", description="Scatter.")
    assert (extras["count"].quantity, extras["flag"].quantity, extras["none"].quantity) == (1, True, None)
    assert extras["array"] == Datum([[1.0, math.nan], [2.5, 3.0]], "s", "", "")
    assert measured["p.a"].blobs["stars"] is measured["p.nan"].blobs["stars"]
    again = tmp_path / "again.json"
    job.write(again)
    assert again.read_bytes() == path.read_bytes()


values = st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**60), 2**60)
datum_documents = st.fixed_dictionaries(
    {"label": st.none() | texts, "description": st.none() | texts}
).flatmap(
    lambda about: st.fixed_dictionaries({"value": values, "unit": st.sampled_from(["", "s", "mag"])}).map(
        lambda amount: {**about, **amount}
    )
)


@st.composite
def established(draw: st.DrawFn) -> dict[str, Any]:
    names = draw(st.lists(st.sampled_from(["p.a", "p.b", "q.c", "bare"]), unique=True))
    blobs: list[dict[str, Any]] = []
    measurements: list[dict[str, Any]] = []
    for name in names:
        refs = []
        for blob_name in draw(st.lists(st.sampled_from([name, "stars", "é"]), unique=True)):
            data = draw(st.dictionaries(texts, datum_documents, min_size=1, max_size=2))
            refs.append(f"blob {len(blobs)}")
            blobs.append({"identifier": refs[-1], "name": blob_name, "data": data})
        unit = draw(st.sampled_from(["", "s", None]))
        value = None if unit is None else draw(values)
        measurements.append(
            {"metric": name, "identifier": f"of {name}", "value": value, "unit": unit, "blob_refs": refs}
        )
    meta = draw(st.dictionaries(texts, notes, max_size=4))
    for name in names:
        meta.update({f"{name}.{key}": note for key, note in draw(st.dictionaries(texts, notes)).items()})
    return {"measurements": measurements, "blobs": blobs, "metrics": [], "specs": [], "meta": meta}


@given(document=established())
@settings(deadline=None)
def test_any_file_of_the_established_writer_is_written_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, document: dict[str, Any]
) -> None:
    folder = tmp_path_factory.mktemp("jobs")
    path = put(folder, layout(document))
    job = Job.read(path)
    assert job.problems == []
    job.write(folder / "again.json")
    assert (folder / "again.json").read_text() == layout(document)


def test_a_file_with_nan_in_it_is_read_and_mended(tmp_path: Path) -> None:
    document = copy.deepcopy(ESTABLISHED)
    document["blobs"][0]["data"]["rms"]["value"] = math.nan
    document["blobs"][0]["data"]["array"]["value"] = [math.inf, 1.0]
    job = Job.read(put(tmp_path, layout(document)))
    assert ["not JSON" in str(problem) for problem in job.problems] == [True]
    assert job.measurements["p.a"].extras["rms"].quantity.unit == u.mag
    job.write(tmp_path / "again.json")
    text = (tmp_path / "again.json").read_text()
    assert "NaN" not in text
    assert "Infinity" not in text


def replaced(path: str, value: Any) -> dict[str, Any]:
    document = copy.deepcopy(ESTABLISHED)
    at: Any = document
    *way, last = (int(part) if part.isdigit() else part for part in path.split("/"))
    for part in way:
        at = at[part]
    at[last] = value
    return document


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("measurements", 5, "measurements is a list, not 5"),
        ("measurements", {"a": 1}, "measurements is a list, not a mapping"),
        ("measurements/3", "x", "measurements[3] is a measurement, a mapping, not 'x'"),
        ("measurements/3/value", "x", "measurements[3].value is a number or null, not 'x'"),
        ("measurements/0/unit", "nosuch", "measurements[0].unit is no unit"),
        ("measurements/0/metric", "a.b.c", "measurements[0].metric is no name of a metric"),
        ("measurements/0/blob_refs/1", 7, "measurements[0].blob_refs[1] is an identifier"),
        ("blobs", "x", "blobs is a list"),
        ("blobs/1", None, "blobs[1] is a blob, a mapping, not None"),
        ("blobs/0/data/rms/value", {}, "blobs[0].data.rms.value is a scalar or a list"),
        ("blobs/0/data/rms/unit", None, "blobs[0].data.rms.unit is missing"),
        ("blobs/0/data/rms/vlaue", 1, "blobs[0].data.rms has the unknown key 'vlaue'. Did you mean value?"),
        ("metrics/1", 5, "metrics[1] is a mapping, not 5"),
        ("metrics/1/unit", "nosuch", "metrics[1]: 'nosuch' is not a unit"),
        ("metrics/1/untit", "s", "metrics[1]: "),
        ("metrics/1/name", None, "metrics[1]: "),
        ("specs/0/threshold", 5, "specs[0]: "),
        ("specs/0/name", None, "specs[0]: "),
        ("specs", {}, "specs is a list, not a mapping"),
        ("meta", [], "meta is a mapping, not a list"),
        ("meta/gnomon_schema", 2, "written by a newer gnomon"),
        ("meta/gnomon_schema", "1", "is an integer, 1 or more, not '1'"),
        ("meta/gnomon_schema", True, "is an integer"),
        ("measurments", [], "A job has no key 'measurments'. Did you mean measurements?"),
    ],
)
def test_what_is_wrong_is_refused_with_its_place(tmp_path: Path, path: str, value: Any, words: str) -> None:
    file = put(tmp_path, layout(replaced(path, value)))
    with pytest.raises(FormatError) as caught:
        Job.read(file)
    assert words in str(caught.value)
    assert caught.value.file == str(file)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not JSON"),
        ("{\n  'a': 1}", "not JSON"),
        ("[]", "one JSON object, not a list"),
        ("null", "one JSON object, not None"),
        (b"\xff\xfe\xfa", "not JSON"),
        (b'{"meta": {"a": "\xe9"}}', "UTF-8"),
        ('{"meta": ' + "[" * 200_000, "too deeply"),
        ('{"meta": {"a": ' + "[" * 500 + "]" * 500 + "}}", "meta is nested too deeply"),
        ('{"specs": [{"a": ' + '{"a":' * 500 + "1" + "}" * 500 + "}]}", "specs is nested too deeply"),
        ('{"blobs": [{"identifier": "a", "name": "b", "data": {"k": {"unit": "", "value": '
         + "[" * 500 + "]" * 500 + "}}}]}", "blobs[0].data.k.value is not an array"),
        ('{"meta": {"a": ' + "9" * 10_000_000 + "}}", "not JSON that can be read"),
        ('{"measurements": [{"metric": "p.a", "unit": "", "value": ' + "9" * 4000 + "}]}", "too large"),
        ('{"meta": {"a": 1, "b": 2, "a": 3}}', "meta has the key 'a' twice"),
        ('{"meta": {}, "meta": {}}', "The file has the key 'meta' twice"),
        ('{"blobs": [{}, {"name": "x", "name": "y"}]}', "blobs[1] has the key 'name' twice"),
    ],
)  # fmt: skip
def test_what_is_no_job_is_refused_with_the_reason(tmp_path: Path, text: str | bytes, words: str) -> None:
    with pytest.raises(FormatError) as caught:
        Job.read(put(tmp_path, text))
    assert words in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_a_mistake_in_the_text_has_its_line(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="not JSON") as caught:
        Job.read(put(tmp_path, '{\n"meta": {\n"a" 1}}'))
    assert caught.value.line == 3


def test_a_file_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="No such file"):
        Job.read(tmp_path / "none.json")
    with pytest.raises(FormatError, match="cannot be read"):
        Job.read(tmp_path)


def test_a_part_that_is_missing_or_null_is_empty(tmp_path: Path) -> None:
    assert Job.read(put(tmp_path, "{}")) == Job()
    parts = ("measurements", "blobs", "metrics", "specs", "meta")
    assert Job.read(put(tmp_path, json.dumps(dict.fromkeys(parts)))) == Job()


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(deeper for key, item in items for deeper in paths(item, (*path, key)))]


junk: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, 0, -1, 10**400, 1.5, 1e308, "", "x", "p.a", "a.b.c.d", "s", "1e400 m", "0 m",
     "m**999999999999",
     "(s, m)", "\x00", "\ud800", [], [[]], [None], ["x"], [1, "x"], {}, {"": None}, {"x": {"x": []}},
     "5 s", "mag(AB)", "none", "<="]
)  # fmt: skip


@given(data=st.data())
@settings(deadline=None, max_examples=300)
def test_wrong_types_anywhere_end_in_a_job_or_a_clear_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    document = copy.deepcopy(ESTABLISHED)
    for _ in range(data.draw(st.integers(1, 2))):
        *way, last = data.draw(st.sampled_from(paths(document)[1:]))
        at = document
        for part in way:
            at = at[part]
        at[last] = copy.deepcopy(data.draw(junk))
    folder = tmp_path_factory.mktemp("jobs")
    try:
        job = Job.read(put(folder, layout(document)))
    except FormatError:
        return
    job.write(folder / "again.json")
    again = Job.read(folder / "again.json")
    first, second = job.json, again.json
    for document in (first, second):  # a blob that others hid comes last, until it is hidden no more
        document["blobs"].sort(key=lambda blob: blob["identifier"])
    assert second == first
