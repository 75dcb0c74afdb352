"""Rows for laws: few datasets, metrics and moments, so that keys meet often."""

from typing import Any

from hypothesis import strategies as st

METRICS = ("demo.a", "demo.b", "other.c")
UNITS = ("mmag", "mag", "")
RUNS = ("new", "old")
VALUES = st.one_of(st.none(), st.just(float("nan")), st.sampled_from([0.0, -1.5, 1e300, float("inf")]))


@st.composite
def rows(draw: st.DrawFn) -> dict[str, Any]:
    """Make a row; its dataset decides the run, the dataset type and the data ID, as in a repository."""
    dataset = draw(st.integers(1, 6))
    dataset_type = ("metricbundle_demo_x", "metricvalue_demo_a", "metricbundle_demo_x")[dataset % 3]
    data_id: dict[str, Any] = {"instrument": "Cam", "visit": 1 + dataset // 3, "band": "r"}
    if dataset_type.startswith("metricvalue"):
        data_id["detector"] = dataset
    return {
        "dataset_id": dataset.to_bytes(16),
        "metric": draw(st.sampled_from(METRICS)),
        "value": draw(VALUES),
        "unit": draw(st.sampled_from(UNITS)),
        "uncertainty": draw(st.sampled_from([None, 0.5])),
        "count": draw(st.sampled_from([None, 7])),
        "run": RUNS[dataset % 2],
        "dataset_type": dataset_type,
        **data_id,
        "dimensions": draw(st.sampled_from([None, {"htm7": "5"}])),
        "obs_begin": data_id["visit"] * 100,
        "obs_end": data_id["visit"] * 100 + 30,
        "measured_at": draw(st.sampled_from([None, 1, 2, 3])),
        "software": draw(st.sampled_from([None, "gnomon 1"])),
        "extras": draw(st.sampled_from([None, '{"notes": {"a": 1}}'])),
    }
