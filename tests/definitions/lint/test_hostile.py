"""Whatever stands in the files ends in findings, soon."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gnomon.definitions.building import document_keys
from gnomon.definitions.lint import FORMATS, RULES, lint

PARTS = ("value", "unit", "operator", "lower", "upper", "target", "within", "increase", "at_most", "by")
KEYS = (*document_keys(), *PARTS, "reference", "gnomon", "better", "dimensions", "description", "thresold")
WORDS = st.sampled_from(
    ["M", "M.a", "a", "design", "minimum_g", "p.M.a", "#x", "b#x", "p:b#x", "x", "", "a b", "..", "mas",
         "sz", "<=", "lower",
     "band", "threshold", "1e-6"]
)  # fmt: skip
SCALARS = WORDS | st.none() | st.booleans() | st.integers(-3, 3) | st.floats() | st.just(10**400)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KEYS) | st.integers(0, 2), inner, max_size=4)
    ),
    max_leaves=8,
)
DOCUMENTS = st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=6) | VALUES


@given(
    metrics=st.dictionaries(st.sampled_from(["M", "a b", "N"]), VALUES, max_size=3) | VALUES,
    documents=st.lists(DOCUMENTS, max_size=5),
)
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_documents_end_in_findings(tmp_path: Path, metrics: Any, documents: list[Any]) -> None:
    (tmp_path / "metrics").mkdir(exist_ok=True)
    (tmp_path / "specs" / "p").mkdir(parents=True, exist_ok=True)
    (tmp_path / "metrics" / "p.yaml").write_text(yaml.safe_dump(metrics))
    (tmp_path / "specs" / "p" / "b.yaml").write_text(yaml.safe_dump_all(documents))
    report = lint([tmp_path])
    assert {finding.rule for finding in report.findings} <= RULES.keys()
    for write in FORMATS.values():
        assert write(report).isprintable() or "\n" in write(report)


@given(text=st.text(alphabet="ab:-{}[]#&*!|>'\"\n\t %@", max_size=60))
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_ends_in_findings(tmp_path: Path, text: str) -> None:
    for name in ("metrics/p.yaml", "specs/p/a.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    lint([tmp_path])


LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    "text",
    [
        LAUGHS,
        "[" * 100_000,
        "a: &a\n  b: *a\n",
        "\x00",
        "a: !!python/object/apply:os.system [ls]\n",
        "name: M.a\n" * 20_000,
        "".join(f"name: M.a{i}\nbase: M.a{i + 1}\n---\n" for i in range(5_000)),
        "".join(f"id: x{i}\nbase: ['#x{i + 1}', '#x{i + 1}']\ntags: [a]\n---\n" for i in range(60)),
        "x" * (9 * 1024 * 1024),
    ],
    ids=["laughs", "deep", "itself", "null", "object", "duplicates", "chain", "doubling", "large"],
)
def test_hostile_files_end_in_findings(tmp_path: Path, text: str) -> None:
    for name in ("metrics/p.yaml", "specs/p/a.yaml"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(text)
    report = lint([tmp_path])
    assert report.failed
    assert {finding.file.removeprefix(f"{tmp_path}/") for finding in report.findings} >= {"specs/p/a.yaml"}
