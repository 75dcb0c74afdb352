"""Values, data, measurements and jobs of all kinds, for laws."""

import math

import astropy.units as u
import numpy as np
from hypothesis import strategies as st

from gnomon.definitions import Metric, ThresholdSpecification
from gnomon.measurements import Blob, Datum, Job, Measurement

UNITS = {"": "", "mag": "mmag", "s": "min", "arcsec": "arcsec", "adu / pix": "adu / pix", "%": ""}
"""Units, and units into which they convert."""

texts = st.text(max_size=8) | st.sampled_from(["", ".", "..", "a.b c..d", "p.a.x", "\ud800", "é", '"', "\\"])
units = st.sampled_from(list(UNITS))
# Extremes leave no room for a conversion; they are tested where there is none.
numbers = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([math.nan, math.inf, -math.inf])
moderate = st.floats(-1e100, 1e100).filter(lambda x: x == 0 or abs(x) > 1e-100) | st.sampled_from(
    [math.nan, math.inf, -math.inf]
)
labels = st.none() | texts
plain = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
notes = st.recursive(
    plain | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=4,
)

datums = (
    st.builds(Datum, plain, label=labels, description=labels)
    | st.builds(Datum, numbers | st.integers(-(10**18), 10**18), units, labels, labels)
    | st.builds(Datum, st.lists(numbers, max_size=3), units, labels, labels)
    | st.builds(lambda x, unit: Datum(u.Quantity(np.float32(x), unit)), st.floats(width=32), units)
    | st.builds(lambda x: Datum(np.array(x) * u.s), st.lists(st.lists(numbers, min_size=2, max_size=2)))
)


def _has_infinity(datum: Datum) -> bool:
    return isinstance(datum.quantity, u.Quantity) and bool(np.isinf(datum.quantity.value).any())


finite_datums = datums.filter(lambda datum: not _has_infinity(datum))


@st.composite
def blobs(draw: st.DrawFn) -> Blob:
    blob = Blob(draw(texts))
    blob.update(draw(st.dictionaries(texts, finite_datums, max_size=3)))
    return blob


@st.composite
def measurements(draw: st.DrawFn, name: str) -> Measurement:
    unit = draw(units)
    metric: str | Metric = name
    if "." in name and draw(st.booleans()):
        metric = Metric(name, unit=UNITS[unit])
    value = draw(st.none() | moderate)
    measurement = Measurement(
        metric,
        None if value is None else u.Quantity(value, unit),
        blobs=draw(st.lists(blobs(), max_size=2)),
        extras=draw(st.dictionaries(texts, finite_datums, max_size=2)),
        notes=draw(st.dictionaries(texts, notes, max_size=2)),
    )
    if draw(st.booleans()):
        measurement.count = draw(st.integers(0, 10**9))
        measurement.uncertainty = draw(st.floats(0, 1))
    return measurement


@st.composite
def jobs(draw: st.DrawFn) -> Job:
    names = draw(st.lists(st.sampled_from(["p.a", "p.b", "q.a-1", "bare"]), unique=True, max_size=3))
    measured = [draw(measurements(name)) for name in names]
    # Some blobs stand behind several measurements.
    for measurement in measured:
        for other in measured:
            if draw(st.integers(0, 4)) == 0:
                for blob in list(other.blobs.values()):
                    if blob and blob.name != str(measurement.metric_name):
                        measurement.link_blob(blob)
    metrics = [m.metric for m in measured if m.metric is not None and draw(st.booleans())]
    if draw(st.booleans()):
        metrics.append(Metric("q.other", "Text.", "s", tags=["b", "a"], reference_url="http://x"))
    specs = [
        ThresholdSpecification(f"{metric.name}.design", u.Quantity(5.0, metric.unit), "<=", {"a.b": "c"})
        for metric in metrics
    ]
    return Job(measured, metrics, specs, draw(st.dictionaries(texts, notes, max_size=4)))
