"""The Butler's file of a measurement."""

import math
import time

import astropy.units as u
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from gnomon.errors import FormatError
from gnomon.measurements import Blob, Datum, Measurement, from_yaml, to_yaml

FILE = b"""!<lsst.verify.Measurement>
blobs:
- !<lsst.verify.Blob>
  data: {start: !<lsst.verify.Datum> {description: null, label: null, unit: '', value: '2025-01-01T00:00:00'}}
  identifier: 86cc0ffee
  name: ip_isr.IsrTime
- !<lsst.verify.Blob>
  data: null
  identifier: 12e34
  name: nothing
identifier: 2f10
metric: ip_isr.IsrTime
notes: {ip_isr.IsrTime.estimator: utils.timer.timeMethod}
unit: s
value: 1.5
"""

text = st.text(st.characters(codec="utf-8"), max_size=12)
tricky = st.sampled_from(
    ["", "1e5", "12e34", "0x1F", "0o7", "017", "1_000", "yes", "No", "null", "~", ".nan", "<<", "=", "- a",
     "a: b", "2025-01-01", "1:30", "#", "\n", " x ", "\t", "!tag", "&a", "*a", "'", '"', "%", "@", "\x85",
     "\ufeff"]
)  # fmt: skip
strings = text | tricky
units = st.sampled_from(["", "mmag", "s", "arcsec", "mag / arcsec2", "%", "adu / pix"])
numbers = st.floats() | st.integers(-(10**18), 10**18)
datums = st.builds(Datum, st.floats() | st.lists(numbers, max_size=3), units, st.none() | strings, strings)
plain_datums = st.builds(Datum, st.none() | st.booleans() | strings | st.integers())
integers = st.builds(Datum, st.integers(-(10**18), 10**18), units)


@st.composite
def blobs(draw: st.DrawFn) -> Blob:
    blob = Blob(draw(strings))
    blob.update(draw(st.dictionaries(strings, datums | plain_datums | integers, max_size=3)))
    return blob


notes = st.recursive(
    st.none() | st.booleans() | numbers.filter(lambda x: not math.isnan(x)) | strings,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(strings, inner, max_size=2),
    max_leaves=4,
)


@st.composite
def measurements(draw: st.DrawFn) -> Measurement:
    unit = draw(units)
    value = draw(st.none() | st.floats())
    return Measurement(
        draw(st.sampled_from(["demo.scatter", "p.1e5", "a-b.c_d"])),
        None if value is None else u.Quantity(value, unit),
        blobs=draw(st.lists(blobs(), max_size=2)),
        extras=draw(st.dictionaries(strings, datums, max_size=2)),
        notes=draw(st.dictionaries(strings, notes, max_size=2)),
        identifier=draw(strings.filter(bool)),
        uncertainty=draw(st.none() | st.floats(0, 1)),
        count=draw(st.none() | st.integers(0, 10**9)),
    )


@given(measurements())
@settings(deadline=None)
def test_what_is_written_is_read_back_the_same(measurement: Measurement) -> None:
    again = from_yaml(to_yaml(measurement))
    assert again == measurement
    assert again.identifier == measurement.identifier
    written = {blob.identifier for blob in measurement.blobs.values() if blob}
    assert written <= {blob.identifier for blob in again.blobs.values()}
    assert to_yaml(again) == to_yaml(measurement)


class Stock(yaml.SafeLoader):
    """Stands for the established reader, whose package is not on PyPI: the same library, its tags."""


for _tag in ("Measurement", "Blob", "Datum"):
    Stock.add_constructor(
        f"lsst.verify.{_tag}",
        lambda loader, node: loader.construct_mapping(node, deep=True),  # type: ignore[arg-type]
    )


@given(measurements())
@settings(deadline=None)
def test_a_stock_yaml_reader_finds_the_same_values(measurement: Measurement) -> None:
    content = yaml.load(to_yaml(measurement), Stock)
    assert set(content) == {"blobs", "gnomon_schema", "identifier", "metric", "notes", "unit", "value"}
    assert content["metric"] == str(measurement.metric_name)
    assert content["identifier"] == measurement.identifier
    assert content["notes"] == dict(measurement.notes)
    given = (content["value"], measurement.value)
    assert given[0] == given[1] or all(isinstance(x, float) and math.isnan(x) for x in given)
    kept = [blob for blob in measurement.blobs.values() if blob or blob.name != content["metric"]]
    for written, blob in zip(content["blobs"], kept, strict=True):
        assert (written["name"], written["identifier"]) == (blob.name, blob.identifier)
        assert {k: (d["label"], d["unit"]) for k, d in written["data"].items()} == {
            k: (d.label, d.unit_str) for k, d in blob.items()
        }


def test_a_file_of_the_established_writer_is_read() -> None:
    measurement = from_yaml(FILE)
    assert (str(measurement.metric_name), measurement.quantity) == ("ip_isr.IsrTime", 1.5 * u.s)
    assert measurement.extras["start"].quantity == "2025-01-01T00:00:00"
    assert measurement.notes["estimator"] == "utils.timer.timeMethod"
    assert measurement.blobs["nothing"].identifier == "12e34"
    assert len(measurement.blobs["nothing"]) == 0
    assert measurement.metric is None


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e-6, 1e300, 0.1, -0.0])
def test_every_number_survives(value: float) -> None:
    read = from_yaml(to_yaml(Measurement("p.m", value))).value
    assert read is not None
    assert (math.isnan(read) and math.isnan(value)) or str(read) == str(value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ((b"value: 1.5", b"value: !!python/object/apply:os.system ['x']"), "apply:os.system is not allowed"),
        ((b"value: 1.5", b"value: !!python/name:os.system ''"), "python/name:os.system is not allowed"),
        ((b"!<lsst.verify.Measurement>", b"!<lsst.verify.Job>"), "<lsst.verify.Job> is not allowed"),
        ((b"!<lsst.verify.Measurement>", b""), "given was none"),
        ((b"- !<lsst.verify.Blob>", b"- !<lsst.verify.Datum>"), "A blob has the tag"),
        ((b"value: 1.5", b"value: [1, 2]"), "a number or null"),
        ((b"value: 1.5", b"value: true"), "a number or null"),
        ((b"unit: s", b"unit: nosuch"), "'nosuch' is not a unit"),
        ((b"metric: ip_isr.IsrTime", b"metric: a.b.c.d"), "not a measurement"),
        ((b"metric: ip_isr.IsrTime", b""), "'metric' is a string"),
        ((b"identifier: 2f10", b"identifier: 210"), "given was 210"),
        ((b"notes: {ip_isr", b"notes: [ip_isr"), "not YAML"),
        ((b"data: null", b"data: [1]"), "'data' is a mapping"),
        ((b"unit: s\n", b"unit: s\nunit: m\n"), "stands here twice"),
        ((b"value: 1.5", b"value: 1.5\n---\na: b"), "this has 2"),
    ],
)
def test_what_is_not_such_a_file_is_refused_with_the_reason(change: tuple[bytes, bytes], words: str) -> None:
    with pytest.raises(FormatError, match=words) as caught:
        from_yaml(FILE.replace(*change), file="some.yaml")
    assert caught.value.file == "some.yaml"


def test_keys_of_a_later_writer_are_passed_over() -> None:
    assert from_yaml(FILE + b"schema: {version: 9}\n") == from_yaml(FILE)


def test_a_newer_file_is_refused() -> None:
    assert from_yaml(FILE + b"gnomon_schema: 1\n") == from_yaml(FILE)
    assert b"gnomon_schema: 1\n" in to_yaml(from_yaml(FILE))
    with pytest.raises(FormatError, match="newer gnomon"):
        from_yaml(FILE + b"gnomon_schema: 2\n")
    with pytest.raises(FormatError, match="is an integer"):
        from_yaml(FILE + b"gnomon_schema: new\n")


def test_an_array_with_an_absent_value_has_nan_there() -> None:
    file = FILE.replace(b"unit: '', value: '2025-01-01T00:00:00'", b"unit: s, value: [1.0, null]")
    assert from_yaml(file).extras["start"] == Datum([1.0, math.nan], "s")
    with pytest.raises(FormatError, match="numbers"):
        from_yaml(file.replace(b"null]", b"x]"))


def test_a_bomb_is_refused_quickly() -> None:
    lines = [b"a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [b"a%d: &a%d [%s]" % (i, i, b", ".join([b"*a%d" % (i - 1)] * 10)) for i in range(1, 12)]
    before = time.perf_counter()
    with pytest.raises(FormatError, match="unfolds into more than"):
        from_yaml(FILE + b"\n".join(lines))
    assert time.perf_counter() - before < 5


def test_a_note_that_is_no_plain_value_cannot_be_written() -> None:
    with pytest.raises(FormatError, match="A note is"):
        to_yaml(Measurement("p.m", 1.0, notes={"when": object()}))
    with pytest.raises(FormatError, match="keys of a note are strings"):
        to_yaml(Measurement("p.m", 1.0, notes={"when": {1: 2, "a": 3}}))
    with pytest.raises(FormatError, match="cannot be written"):
        to_yaml(Measurement("p.m", 1.0, notes={"when": "\ud800"}))
