"""Recipes: how a metric is measured from a catalog, as its YAML says it."""

from pathlib import Path

import astropy.units as u
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gnomon.definitions import Metric, MetricSet, Recipe
from gnomon.errors import DefinitionError, DefinitionTypeError
from gnomon.expressions import parse

METRICS = """
median_error:
  description: Median magnitude error of bright stars.
  unit: mmag
  reference:
    doc: LPM-17
    gnomon:
      dimensions: [instrument, visit, detector]
      measure:
        compute: {snr: flux / flux_err, error: 1.0857 * flux_err / flux}
        select: snr > 10 and not saturated
        of: error
        unit: mag
        aggregate: median
        group_by: [band]
        keep_sources: true
"""


def written(folder: Path, measure: str) -> Path:
    path = folder / "demo.yaml"
    path.write_text("M:\n  unit: mag\n  reference:\n    gnomon:\n      measure:\n" + measure)
    return path


def test_a_recipe_is_read_from_the_yaml_of_its_metric(tmp_path: Path) -> None:
    (tmp_path / "demo.yaml").write_text(METRICS)
    metrics = MetricSet.load_single_package(tmp_path / "demo.yaml", strict=True)
    assert metrics["demo.median_error"].measure == Recipe(
        aggregate="median",
        of=parse("error"),
        compute=(("snr", parse("flux / flux_err")), ("error", parse("1.0857 * flux_err / flux"))),
        select=parse("snr > 10 AND NOT saturated"),
        unit=u.mag,
        group_by=("band",),
        keep_sources=(),
    )


def test_a_metric_keeps_its_recipe_in_its_json(tmp_path: Path) -> None:
    (tmp_path / "demo.yaml").write_text(METRICS)
    metric = MetricSet.load_single_package(tmp_path / "demo.yaml")["demo.median_error"]
    assert Metric.deserialize(**metric.json) == metric
    other = Metric.deserialize(**metric.json)
    other.measure = {"of": "flux", "aggregate": "mean"}
    assert other != metric


def test_a_recipe_knows_which_columns_of_the_catalog_it_needs() -> None:
    recipe = Recipe.deserialize(
        {
            "compute": {"flux": "flux * scale", "error": "flux_err / flux"},
            "select": "error < 0.1 AND good",
            "of": "flux",
            "aggregate": "slope",
            "against": "airmass",
            "group_by": ["band", "error"],
            "keep_sources": ["source_id"],
        }
    )
    assert recipe.columns == {"flux", "scale", "flux_err", "good", "airmass", "band", "source_id"}


@pytest.mark.parametrize(
    ("lines", "line", "message"),
    [
        (["of: x", "agregate: mean"], 7, "'agregate' is no key of 'measure' of M. Did you mean aggregate?"),
        (["of: x"], 6, "'aggregate' is missing"),
        (["of: x", "aggregate: medium"], 7, "Did you mean median?"),
        (["of: x", "aggregate: 'a b:c'"], 7, "'a b:c' is not package.module:function."),
        (["aggregate: mean"], 6, "'of' is missing"),
        (["of: x +", "aggregate: mean"], 6, "'of' is no expression."),
        (["of: 5", "aggregate: mean"], 6, "'of' is a string, not an integer"),
        (["of: x", "aggregate: mean", "select: x >> 2"], 8, "'select' is no expression."),
        (["of: x", "aggregate: mean", "select: x > :limit"], 8, "nobody gives a value for :limit"),
        (["of: x", "aggregate: percentile"], 6, "'percentile' is missing"),
        (["of: x", "aggregate: percentile", "percentile: 101"], 8, "from 0 to 100, not 101"),
        (
            ["of: x", "aggregate: mean", "percentile: 5"],
            8,
            "means something for 'percentile', not for 'mean'",
        ),
        (["of: x", "aggregate: slope"], 6, "'against' is missing"),
        (["of: x", "aggregate: mean", "unit: mogs"], 8, "'mogs' is not a unit"),
        (["of: x > 2", "aggregate: fraction", "unit: mag"], 8, "a fraction has no unit"),
        (["of: x", "aggregate: mean", "compute: {a b: x}"], 8, "'a b' cannot be the name of a column"),
        (["of: x", "aggregate: mean", "compute: {a: '+'}"], 8, "'a' is no expression"),
        (["of: x", "aggregate: mean", "group_by: [a, a]"], 8, "names a column twice"),
        (["of: x", "aggregate: mean", "group_by: [a-b]"], 8, "'a-b' cannot be the name of a column"),
        (["of: x", "aggregate: mean", "keep_sources: 5"], 8, "true, false or a list of columns, not 5"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, lines: list[str], line: int, message: str) -> None:
    path = written(tmp_path, "".join(f"        {line}\n" for line in lines))
    with pytest.raises(DefinitionError) as caught:
        MetricSet.load_single_package(path, strict=True)
    assert message in str(caught.value)
    assert (caught.value.file, caught.value.line) == (str(path), line)


def test_what_is_no_mapping_is_no_recipe(tmp_path: Path) -> None:
    with pytest.raises(DefinitionTypeError, match="'measure' is a mapping, not a list"):
        MetricSet.load_single_package(written(tmp_path, "        [mean, x]\n"))
    with pytest.raises(DefinitionError, match="is a Recipe or a mapping, not 5"):
        Metric("a.b", measure=5)  # type: ignore[arg-type]


def test_an_unknown_key_is_passed_over_and_noted_where_mistakes_may_be(tmp_path: Path) -> None:
    metrics = MetricSet.load_single_package(
        written(tmp_path, "        {of: x, aggregate: mean, weights: y}\n")
    )
    assert metrics["demo.M"].measure == Recipe("mean", of=parse("x"))
    assert [problem.line for problem in metrics.problems] == [6]


EXPRESSIONS = st.sampled_from(["flux", "flux / err", "hypot(x, y) * 2 - 1", "-log10(flux)"])
RECIPES = st.fixed_dictionaries(
    {"of": EXPRESSIONS, "aggregate": st.sampled_from(["mean", "std", "a.b:c"])},
    optional={
        "compute": st.dictionaries(st.sampled_from(["a", "b"]), EXPRESSIONS, min_size=1),
        "select": st.sampled_from(["flux > 3", "NOT bad"]),
        "unit": st.sampled_from(["mag", "", "adu / pix", "mag(AB)"]),
        "group_by": st.lists(st.sampled_from(["band", "detector"]), min_size=1, unique=True),
        "keep_sources": st.sampled_from([True, ["source_id"]]),
    },
)


@given(RECIPES)
def test_a_recipe_comes_back_from_its_plain_values(document: dict[str, object]) -> None:
    recipe = Recipe.deserialize(document)
    assert recipe.json == document
    assert Recipe.deserialize(recipe.json) == recipe
