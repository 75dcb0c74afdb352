"""Reading the commonest files quickly gives what reading them carefully gives."""

import re

import astropy.units as u
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.measurements.strategies import measurements

from gnomon.errors import GnomonError
from gnomon.measurements import Datum, Measurement, from_yaml, to_yaml
from gnomon.measurements.quick_yaml import read_values
from gnomon.measurements.values import Values, moments, values_of

OURS = b"""!<lsst.verify.Measurement>
blobs:
- !<lsst.verify.Blob>
  data:
    gnomon_count: !<lsst.verify.Datum>
      description: How many samples made the value.
      label: count
      unit: ''
      value: 5
    gnomon_uncertainty: !<lsst.verify.Datum>
      description: Standard uncertainty of the measured value.
      label: uncertainty
      unit: mmag
      value: 0.1
    start: !<lsst.verify.Datum>
      description: null
      label: null
      unit: ''
      value: '2025-01-01T00:00:00'
  identifier: 117e39f262134634b739a8166bcf9157
  name: bench.m0
gnomon_schema: 1
identifier: 8b1ebba47dc646329111e90c7324a7af
metric: bench.m0
notes:
  bench.m0.measured_at: '2025-01-01T11:59:23.000000Z'
  bench.m0.estimator: utils.timer.timeMethod
unit: mmag
value: 0.27792651322379625
"""


def carefully(content: bytes) -> Values | None:
    try:
        return values_of(from_yaml(content))
    except GnomonError:
        return None


def comparable(values: Values) -> tuple[object, ...]:
    numbers, missing = moments([values.measured_at])
    return (*map(repr, values._replace(measured_at=None)), int(numbers[0]), bool(missing[0]))


def agree(content: bytes) -> bool:
    quick = read_values(content)
    if quick is None:
        return True
    careful = carefully(content)
    return careful is not None and comparable(quick) == comparable(careful)


@st.composite
def common(draw: st.DrawFn) -> Measurement:
    unit = draw(st.sampled_from(["", "mmag", "s", "arcsec", "adu / pix", "%"]))
    metric = draw(st.sampled_from(["demo.a", "ip_isr.IsrTime", "a.b_2"]))
    measurement = Measurement(
        metric,
        u.Quantity(draw(st.floats() | st.integers(-(10**12), 10**12)), unit),
        notes=draw(
            st.dictionaries(st.sampled_from(["estimator", "by", "yes"]), st.text(max_size=5), max_size=2)
        ),
    )
    if draw(st.booleans()):
        measurement.uncertainty = draw(st.floats(0, 1e300))
    if draw(st.booleans()):
        measurement.count = draw(st.integers(0, 10**12))
    if draw(st.booleans()):
        measurement.measured_at = draw(st.integers(100_000_000_000_000, 1_800_000_000_000_000))
    if draw(st.booleans()):
        value = draw(st.integers(-5, 5) | st.text(max_size=5))
        measurement.extras[draw(st.sampled_from(["start", "n", "true"]))] = Datum(value)
    return measurement


@given(common())
def test_files_of_common_measurements_are_read_alike(measurement: Measurement) -> None:
    content = to_yaml(measurement)
    assert agree(content)


@given(measurements("p.a"))
def test_files_of_any_measurements_are_read_alike(measurement: Measurement) -> None:
    try:
        content = to_yaml(measurement)
    except GnomonError:  # lone surrogates
        return
    assert agree(content)


LINES = OURS.decode().splitlines(keepends=True)
SCALARS = [
    "", "null", "~", "yes", "No", "true", "1", "01", "0x1F", "0b1", "1_0", "1e5", "1.0e+5", "1.0e5", "1.5",
    "-.inf", ".nan", "+.inf", "1:30", "2025-01-01", "''", "'it''s'", '"x"', "'a b'", "a b", "a: b", "# c",
    "x # c", "&a x", "*a", "!t x", "[1]", "{}", "é", "'é'", "- 1", "mmag", "'mmag'", "n", "furlong", "demo.x",
    "'2025-02-30T00:00:00Z'", "'2025-01-01'", "00000000000000000000000000000000",
    "0b111111111111111111111111111111", "1e345678901234567890123456789012",
    "117e39f262134634b739a8166bcf9157",
]  # fmt: skip


@given(st.data())
def test_a_file_with_anything_changed_is_read_alike_or_left_to_the_careful_reader(
    data: st.DataObject,
) -> None:
    lines = list(LINES)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(lines) - 1))
        change = data.draw(st.sampled_from(["scalar", "drop", "double", "swap", "indent", "character"]))
        match change:
            case "scalar":
                key, colon, _ = lines[place].partition(": ")
                lines[place] = f"{key}{colon}{data.draw(st.sampled_from(SCALARS))}\n"
            case "drop" if len(lines) > 1:
                del lines[place]
            case "double":
                lines.insert(place, lines[place])
            case "swap":
                other = data.draw(st.integers(0, len(lines) - 1))
                lines[place], lines[other] = lines[other], lines[place]
            case "indent":
                lines[place] = " " * data.draw(st.integers(0, 8)) + lines[place].lstrip(" ")
            case "character" if lines[place]:
                at = data.draw(st.integers(0, len(lines[place]) - 1))
                character = data.draw(st.characters(codec="utf-8"))
                lines[place] = lines[place][:at] + character + lines[place][at + 1 :]
    assert agree("".join(lines).encode())


def test_the_commonest_files_are_read_quickly() -> None:
    bare = Measurement("demo.a", 1.5 * u.mmag)
    whole = Measurement("demo.a", 1.5 * u.mmag, uncertainty=0.5, count=3, notes={"by": "hand.made"})
    whole.measured_at = 1_750_000_000_000_000
    established = re.sub(rb"gnomon_schema: 1\n|    gnomon(.*\n){5}", b"", OURS)
    nan = Measurement("demo.a", float("nan") * u.mmag)
    for content in (OURS, to_yaml(bare), to_yaml(whole), established, to_yaml(nan)):
        assert read_values(content) is not None, content.decode()
        assert agree(content)


def test_times_of_measuring_are_read_all_at_once() -> None:
    given_times = [
        None,
        7,
        "2025-06-01T12:00:00.123456Z",
        "2025-06-01T12:00:00Z",
        "2025-02-30T00:00:00Z",
        "soon",
    ]
    numbers, missing = moments(given_times)
    assert missing.tolist() == [True, False, False, False, True, True]
    assert numbers[1] == 7
    assert numbers[2] - numbers[3] == 123_456


def test_no_times_at_all_are_none() -> None:
    assert moments([])[0].tolist() == []


@pytest.mark.parametrize(
    "content", [b"", b"\xff", b"a: 1", OURS[:-1], OURS + b"\n", OURS.replace(b"\n", b"\r\n")]
)
def test_what_is_not_quite_such_a_file_is_left_to_the_careful_reader(content: bytes) -> None:
    assert read_values(content) is None
