"""The expression language: what it reads, what it means, what it refuses."""

import datetime
import math
import operator
import string
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import polars as pl
import pytest
from astropy.time import Time
from hypothesis import given, settings
from hypothesis import strategies as st

from gnomon import dataids, times
from gnomon.errors import ExpressionError
from gnomon.expressions import Expression, parse, tree

NAN = float("nan")

# --- what is written ---


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("a or b and not c", "a OR b AND NOT c"),
        ("bad_focus | trailed | (clouds & !recovered)", "bad_focus OR trailed OR clouds AND NOT recovered"),
        ("(a | b) & c", "(a OR b) AND c"),
        ("(a or b) or c", "(a OR b) OR c"),
        ("not not a", "NOT NOT a"),
        ("!(a & b)", "NOT (a AND b)"),
        ("!a == b", "NOT a = b"),
        ("x==1", "x = 1"),
        ("1 - (2 - 3)", "1 - (2 - 3)"),
        ("(1 - 2) - 3", "1 - 2 - 3"),
        ("-(1 + 2) * 3", "-(1 + 2) * 3"),
        ("a % -b", "a % -b"),
        ("+3", "3"),
        ("ABS(x) > Log10(y)", "abs(x) > log10(y)"),
        ("min(a, b, 3)", "min(a, b, 3)"),
        ("visit in (1..10:2, 15, -3..3)", "visit IN (1..10:2, 15, -3..3)"),
        ("visit not in (:bad)", "visit NOT IN (:bad)"),
        ("visit in (1 .. 5 : 1)", "visit IN (1..5)"),
        (
            "band IN ('r', 'it''s', T'mjd/58938.5/tai', -1.5)",
            "band IN ('r', 'it''s', T'2020-03-30T12:00:00.000000/tai', -1.5)",
        ),
        ("x is null", "x IS NULL"),
        ("x IS NOT NULL", "x IS NOT NULL"),
        ("x = null", "x IS NULL"),
        ("NULL != x", "x IS NOT NULL"),
        ("visit.seq_num>.5e1", "visit.seq_num > 5.0"),
        ("a = true", "a = TRUE"),
        ("007", "7"),
        ("a\n AND\tb", "a AND b"),
        ("t > T'2014-12-30T04:29:23/tai'", "t > T'2014-12-30T04:29:23.000000/tai'"),
        ("t > T'2014-12-30 04:29:23'", "t > T'2014-12-30T04:29:58.000000/tai'"),
        ("t > t'2014-12-30T04:29:23Z'", "t > T'2014-12-30T04:29:58.000000/tai'"),
    ],
)
def test_an_expression_has_one_canonical_text(text: str, canonical: str) -> None:
    parsed = parse(text)
    assert str(parsed) == canonical
    assert parse(canonical) == parsed
    assert hash(parse(canonical)) == hash(parsed)


def test_names_and_binds_are_known_before_evaluation() -> None:
    parsed = parse("demo.zero_point > :limit AND visit IN (:visits) AND NOT isnull(band)")
    assert parsed.names == {"demo.zero_point", "visit", "band"}
    assert parsed.binds == {"limit", "visits"}


def test_parsing_needs_neither_polars_nor_astropy() -> None:
    code = (
        "import sys; from gnomon.expressions import parse; parse('a > 1 AND b IN (1..3)');"
        "sys.exit(bool({'polars', 'astropy', 'numpy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("text", "place", "what"),
    [
        ("", "", "is empty"),
        ("  \n", "", "is empty"),
        ("a >", "1:4", "a value or a name is expected, not the end"),
        ("a >> b", "1:4", "not '>'"),
        ("a b", "1:3", "an operator is expected, not 'b'"),
        ("(a", "1:3", "to close the parenthesis at 1:1"),
        ("a)", "1:2", "not ')'"),
        ("a > 'x", "1:5", "never closed"),
        ('a = "x"', "1:5", "single quotes"),
        ("a ; b", "1:3", "';' has no meaning"),
        ("a AND\nb = d c", "2:7", "not 'c'"),
        ("seeing > 2 m/s km", "1:16", "an operator is expected, not 'km'"),
        ("seeing > 2 []", "1:12", "brackets of a unit are empty"),
        ("seeing [arcsec] > 2", "1:8", "a unit stands right behind a number"),
        ("seeing IN (2 mag..3)", "1:12", "integers only"),
        ("a < b < c", "1:7", "do not chain"),
        ("a = b IN (1)", "1:7", "do not chain"),
        ("a IS NULL + 1", "1:11", "not '+'"),
        ("NOT a + NOT b", "1:9", "NOT needs parentheses"),
        ("a = NOT b", "1:5", "NOT needs parentheses"),
        ("a IN ()", "1:7", "is expected, not ')'"),
        ("a IN 1", "1:6", "'(' is expected after IN"),
        ("a IN (b)", "1:7", "a value to be given is written :b"),
        ("a IN (1, NULL)", "1:10", "cannot hold NULL"),
        ("a IN (-'x')", "1:8", "is expected, not"),
        ("a IN (3..1)", "1:7", "ends before it starts"),
        ("a IN (1..5:0)", "1:7", "at least 1"),
        ("a IN (1.5..3)", "1:7", "integers only"),
        ("a IN (1..'x')", "1:10", "integers only"),
        ("a IN (1..", "1:10", "expected"),
        ("a < NULL", "1:5", "nothing is less or greater"),
        ("f(NULL)", "1:1", "no function 'f'"),
        ("sqtr(2)", "1:1", "Did you mean sqrt?"),
        ("sqrt(1, 2)", "1:1", "takes 1 argument, not 2"),
        ("min(1)", "1:1", "takes 2 arguments or more, not 1"),
        ("abs()", "1:1", "takes 1 argument, not 0"),
        ("pow(1)", "1:1", "takes 2 arguments, not 1"),
        ("is_null(a)", "1:1", "Did you mean isnull?"),
        ("NULL", "1:1", "IS NULL"),
        ("a OVERLAPS b", "1:3", "not 'OVERLAPS'"),
        ("9223372036854775808", "1:1", "below 2^63"),
        ("9" * 5000, "1:1", "below 2^63"),
        ("1e999", "1:1", "not finite"),
        ("T'yesterday'", "1:1", "is not a time"),
        ("T'2014-13-30'", "1:1", "not a time in the format iso"),
        ("T'2014-12-30/utd'", "1:1", "Did you mean utc?"),
        ("T'isat/2014-12-30T00:00:00'", "1:1", "Did you mean isot?"),
        ("T'mjd/1e9'", "1:1", "is not a time"),
        ("T'mjd/99999999999'", "1:1", "years of a time"),
        ("a = :1", "1:5", "not ':'"),
        ("café > 1", "1:4", "'é' has no meaning"),
    ],
)
def test_what_is_no_expression_is_refused_with_its_place(text: str, place: str, what: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    message = str(caught.value)
    assert what in message
    assert f"at {place}," in message if place else " at " not in message


def test_the_message_shows_the_place() -> None:
    with pytest.raises(ExpressionError) as caught:
        parse("airmass > 1 AND\n  seeing >< 3")
    assert str(caught.value) == (
        "In the expression, at 2:11, a value or a name is expected, not '<'.\n    seeing >< 3\n            ^"
    )


def test_the_message_shows_a_piece_of_a_long_line() -> None:
    with pytest.raises(ExpressionError) as caught:
        parse("a" + " OR a" * 1000 + " OR ]" + " OR a" * 1000)
    line, caret = str(caught.value).splitlines()[1:]
    assert len(line) < 80
    assert line[caret.index("^")] == "]"


@pytest.mark.parametrize(
    "text",
    [
        "(" * 100_000 + "a" + ")" * 100_000,
        "(" * 100_000,
        "NOT " * 100_000 + "a",
        "!" * 100_000 + "a",
        "-" * 100_000 + "1",
        "abs(" * 100_000 + "1" + ")" * 100_000,
        "1" + " + 1" * 100_000,
        "1" + " + (1" * 100_000,
        "a IN (" * 100_000,
        "a = " * 100_000 + "a",
        "NULL = " * 100_000 + "a",
        "a" * 1_000_001,
        "'" * 99_999,
        "T'" + "1" * 500_000 + "'",
        "T'2014-12-30T" + ":" * 500_000 + "'",
        "1." * 100_000,
        "." * 100_000,
        "a." * 100_000,
        "1e" * 100_000,
        "\0" * 1000,
        "(a OR " * 100_000,
    ],
    ids=lambda text: f"{text[:12]!r}",
)
def test_hostile_text_ends_in_an_error_soon(text: str) -> None:
    start = time.process_time()
    with pytest.raises(ExpressionError):
        parse(text)
    assert time.process_time() - start < 5


def test_many_conditions_and_values_are_no_problem() -> None:
    frame = pl.DataFrame({"visit": [1, 7, 30_000]})
    chain = parse(" OR ".join(f"visit = {i}" for i in range(5, 5000)))
    assert frame.filter(chain.to_polars(frame, condition=True))["visit"].to_list() == [7]
    assert parse(str(chain)) == chain
    listed = parse(f"visit IN ({', '.join(map(str, range(10_000, 40_000)))})")
    assert frame.filter(listed.to_polars(frame, condition=True))["visit"].to_list() == [30_000]


# --- what it means ---

FRAME = pl.DataFrame(
    {
        "visit": [1, 2, 3, 4],
        "detector": pl.Series([0, 5, 250, None], dtype=pl.UInt8),
        "seeing": [0.7, NAN, None, 1.9],
        "single": pl.Series([0.5, 0.25, NAN, None], dtype=pl.Float32),
        "band": ["r", "it's", None, "i"],
        "filter": pl.Series(["r", "i", None, "z"], dtype=pl.Categorical),
        "bad": [True, False, None, False],
        "begin": [times.to_datetime(times.from_utc_iso(f"2014-12-30T04:29:2{i}Z")) for i in range(3)]
        + [None],
        "nothing": pl.Series([None] * 4, dtype=pl.Null),
        "parts": [[1], [2], None, []],
        "demo.zero_point": [0.01, -0.02, 0.03, NAN],
    }
)


def visits(text: str, **bind: object) -> list[int]:
    """Give the visits for which a condition is true."""
    return FRAME.filter(parse(text).to_polars(FRAME, bind=bind, condition=True))["visit"].to_list()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("seeing > 1", [4]),
        ("NOT seeing > 1", [1]),
        ("seeing != 0.7", [4]),
        ("NOT seeing = 0.7", [4]),
        ("seeing = seeing", [1, 4]),
        ("seeing > 1 OR visit < 4", [1, 2, 3, 4]),
        ("seeing > 1 AND visit = 2 OR TRUE", [1, 2, 3, 4]),
        ("seeing IS NULL", [3]),
        ("isnull(seeing)", [3]),
        ("isnan(seeing)", [2]),
        ("NOT isnan(seeing)", [1, 3, 4]),
        ("seeing IS NOT NULL AND NOT isnan(seeing)", [1, 4]),
        ("bad", [1]),
        ("!bad", [2, 4]),
        ("bad = FALSE", [2, 4]),
        ("detector - 5 < 0", [1]),
        ("detector - 5 >= 0", [2, 3]),
        ("-detector < 0", [2, 3]),
        ("detector < 300", [1, 2, 3]),
        ("detector > -1", [1, 2, 3]),
        ("detector IN (300, 250, -6)", [3]),
        ("detector IN (0..1000:5)", [1, 2, 3]),
        ("detector NOT IN (0..1000:250)", [2]),
        ("visit IN (1..4:2)", [1, 3]),
        ("visit IN (-5..1, 4)", [1, 4]),
        ("visit IN (1.0, 2.5)", [1]),
        ("visit IN (-9223372036854775807..9223372036854775807:2)", [1, 3]),
        ("seeing IN (0.7, 2)", [1]),
        ("seeing NOT IN (0.7, 2)", [4]),
        ("seeing * 10 IN (1..7)", [1]),
        ("single IN (0.5)", [1]),
        ("single >= 0.25", [1, 2]),
        ("NOT single > 0.25", [2]),
        ("band = 'it''s'", [2]),
        ("band < 'j'", [2, 4]),
        ("band IN ('i', 'r')", [1, 4]),
        ("filter = 'r' OR filter > 'x'", [1, 4]),
        ("filter IN ('i')", [2]),
        ("begin > T'2014-12-30T04:29:20.5'", [2, 3]),
        ("begin = T'2014-12-30T04:29:56/tai'", [2]),
        ("begin IN (T'2014-12-30T04:29:20', T'2014-12-30T04:29:22')", [1, 3]),
        ("begin NOT IN (T'2014-12-30T04:29:20')", [2, 3]),
        ("max(begin, T'2014-12-30T04:29:21') = T'2014-12-30T04:29:21'", [1, 2]),
        ("demo.zero_point > 0", [1, 3]),
        ("abs(demo.zero_point) > 0.015", [2, 3]),
        ("sqrt(demo.zero_point) < 1", [1, 3]),
        ("visit / 0 > 5", [1, 2, 3, 4]),
        ("visit % 0 = 1 OR NOT visit % 0 = 1", []),
        ("-visit % 3 = 2", [1, 4]),
        ("visit % -3 = -2", [1, 4]),
        ("min(visit, seeing) < 5", [1, 4]),
        ("max(visit, 2) = 2", [1, 2]),
        ("nothing > 1 OR nothing = 'x' OR nothing IN (1) OR NOT nothing", []),
        ("nothing IS NULL AND abs(nothing) IS NULL", [1, 2, 3, 4]),
        ("parts IS NULL", [3]),
        ("nothing", []),
        ("log10(exp(visit)) > 1.5", [4]),
        ("ln(visit) > 1", [3, 4]),
        ("hypot(visit, 3) = 5", [4]),
        ("pow(visit, 2) = 9", [3]),
        ("pow(seeing, 0) = 1 OR hypot(1, seeing) > 2", [1, 4]),
        ("floor(seeing) = 1", [4]),
        ("ceil(seeing) = 1", [1]),
        ("degrees(atan2(visit, visit)) > 44 AND abs(tan(radians(45)) - 1) < 0.001", [1, 2, 3, 4]),
        ("hypot(sin(visit), cos(visit)) < 1.5", [1, 2, 3, 4]),
        ("isfinite(seeing)", [1, 4]),
        ("NOT isfinite(seeing)", [2, 3]),
        ("isfinite(1 / (visit - 1))", [2, 3, 4]),
    ],
)
def test_a_condition_selects_the_rows_for_which_it_is_true(text: str, expected: list[int]) -> None:
    assert visits(text) == expected
    assert visits(f"NOT NOT ({text})") == expected


@pytest.mark.parametrize(
    ("text", "bind", "expected"),
    [
        ("visit = :v", {"v": 3}, [3]),
        ("visit = :v", {"v": np.int64(3)}, [3]),
        ("seeing > :v", {"v": np.float32(1)}, [4]),
        ("seeing > :v", {"v": NAN}, []),
        ("NOT seeing > :v", {"v": NAN}, []),
        ("seeing < :v", {"v": math.inf}, [1, 4]),
        ("visit IN (:v)", {"v": [1, 3, 1000]}, [1, 3]),
        ("visit IN (:v, 4)", {"v": (1,)}, [1, 4]),
        ("visit IN (:v)", {"v": 2}, [2]),
        ("visit IN (:v)", {"v": np.array([2, 4])}, [2, 4]),
        ("visit IN (:v)", {"v": pl.Series([2.0, math.inf, 1e300])}, [2]),
        ("visit IN (:v)", {"v": []}, []),
        ("visit NOT IN (:v)", {"v": set()}, [1, 2, 3, 4]),
        ("begin NOT IN (:v)", {"v": []}, [1, 2, 3]),
        ("band IN (:v)", {"v": ["i", "r"]}, [1, 4]),
        ("band = :v", {"v": "r"}, [1]),
        ("bad = :v", {"v": np.True_}, [1]),
        ("begin > :v", {"v": Time("2014-12-30T04:29:20.5", scale="utc")}, [2, 3]),
        (
            "begin = :v",
            {
                "v": datetime.datetime(
                    2014, 12, 30, 5, 29, 21, tzinfo=datetime.timezone(datetime.timedelta(hours=1))
                )
            },
            [2],
        ),
    ],
)
def test_values_can_be_given_at_evaluation(text: str, bind: dict[str, object], expected: list[int]) -> None:
    assert visits(text, **bind) == expected


def test_a_lazy_frame_and_a_schema_do_as_well() -> None:
    parsed = parse("visit > 2")
    assert FRAME.lazy().filter(parsed.to_polars(FRAME.lazy())).collect().height == 2
    assert FRAME.filter(parsed.to_polars(FRAME.schema)).height == 2


def test_an_expression_may_be_a_value() -> None:
    expr = parse("min(visit, seeing) * 2").to_polars(FRAME)
    assert FRAME.select(x=expr)["x"].to_list() == pytest.approx([1.4, NAN, None, 3.8], nan_ok=True)


@pytest.mark.parametrize(
    ("text", "bind", "place", "what"),
    [
        ("visit > 1 AND zero > 2", {}, "1:15", "'zero' is not a column."),
        ("seing > 1", {}, "1:1", "Did you mean seeing?"),
        ("visit = 'a'", {}, "1:7", "an integer cannot be compared with text"),
        ("band > 2", {}, "1:6", "text cannot be compared with an integer"),
        ("bad > FALSE", {}, "1:1", "takes numbers, text and times"),
        ("begin > 5", {}, "1:7", "a time cannot be compared"),
        ("band + 1", {}, "1:1", "takes numbers, but this is text"),
        ("-bad", {}, "1:2", "takes numbers"),
        ("sqrt(band)", {}, "1:6", "sqrt takes numbers"),
        ("min(visit, band)", {}, "1:12", "min takes numbers, or times"),
        ("visit AND bad", {}, "1:1", "a condition is expected, but this is an integer"),
        ("NOT seeing", {}, "1:5", "a condition is expected"),
        ("visit + 1", {}, "1:7", "a condition is expected"),
        ("parts = 1", {}, "1:7", "only IS NULL"),
        ("visit IN ('a')", {}, "1:11", "an integer cannot be compared with text"),
        ("band IN (1..3)", {}, "1:10", "text cannot be compared with an integer"),
        ("visit = :v", {}, "1:9", "no value is given for :v"),
        ("visit = :vist", {"visit": 3}, "1:9", "Did you mean visit?"),
        ("visit = :v", {"v": None}, "1:9", "IS NULL"),
        ("visit = :v", {"v": [1]}, "1:9", "is list; expected is a number"),
        ("visit = :v", {"v": 2**70}, "1:9", "beyond 2^63"),
        ("visit IN (:v)", {"v": [1, None]}, "1:11", "is None"),
        ("seeing IN (:v)", {"v": [NAN]}, "1:12", "NaN, which equals nothing"),
        ("visit IN (:v)", {"v": ["a"]}, "1:11", "an integer cannot be compared with text"),
        ("band = :v", {"v": b"r"}, "1:8", "is bytes"),
        ("band = :v", {"v": "\ud800"}, "1:8", "half a character"),
        ("band IN ('\ud800')", {}, "1:10", "half a character"),
        ("begin = :v", {"v": datetime.datetime(2014, 12, 30)}, "1:9", "without a zone"),
        ("begin = :v", {"v": Time(["2014-12-30", "2014-12-31"])}, "1:9", "not an array"),
    ],
)
def test_what_does_not_fit_the_columns_is_refused_with_its_place(
    text: str, bind: dict[str, object], place: str, what: str
) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse(text).to_polars(FRAME, bind=bind, condition=True)
    assert what in str(caught.value)
    assert f"at {place}," in str(caught.value)


def test_a_column_of_times_with_a_zone_is_refused() -> None:
    schema = {"begin": pl.Datetime("us", "UTC")}
    with pytest.raises(ExpressionError, match="has a zone, UTC"):
        parse("begin > T'2014-12-30'").to_polars(schema)


def test_a_tree_made_by_hand_is_checked_too() -> None:
    for make in (
        lambda: tree.Number(-1),
        lambda: tree.Number(-0.0),
        lambda: tree.Number(NAN),
        lambda: tree.Name("a b"),
        lambda: tree.Name("not"),
        lambda: tree.Bind("a.b"),
        lambda: tree.Call("F", ()),
        lambda: tree.Or((tree.Name("a"),)),
        lambda: tree.In(tree.Name("a"), (tree.Name("b"),)),  # type: ignore[arg-type]
        lambda: tree.Comparison("~", tree.Name("a"), tree.Name("b")),
        lambda: tree.Arithmetic("^", tree.Name("a"), tree.Name("b")),
    ):
        with pytest.raises(ExpressionError):
            make()
    by_hand = Expression(tree.Comparison("=", tree.Name("visit"), tree.Text("x")))
    with pytest.raises(
        ExpressionError, match=r"^In the expression, an integer cannot be compared with text\.$"
    ):
        by_hand.to_polars(FRAME)


# --- the same meaning as the Butler's grammar ---


@pytest.mark.parametrize(
    "text",
    [
        "instrument = 'LSSTCam' AND visit IN (1..100:2, 205) AND detector != 3",
        "NOT (visit > 5 OR detector = 2) AND band NOT IN ('r', 'i')",
        "visit.exposure_time > 10.5 AND -visit + 3 * 2 < 7 % 5",
        "visit = :v AND detector IN (:d)",
        "day_obs >= 20141229 and physical_filter != 'x'",
        "visit.zenith_angle = NULL",
        "exposure.obs_start > T'2020-03-30T12:20:33/utc'",
        "exposure.obs_start > T'mjd/58938.515'",
    ],
)
def test_what_the_butler_reads_is_read_here(text: str) -> None:
    butler = pytest.importorskip("lsst.daf.butler.queries.expressions.parser")
    assert butler.parse_expression(text) is not None
    assert parse(text).names


@pytest.mark.parametrize(
    "text", ["2020-03-30T12:20:33.125", "mjd/58938.515", "2020-03-30 12:20:33/tai", "iso/2020-03-30"]
)
def test_a_time_means_what_it_means_to_the_butler(text: str) -> None:
    butler = pytest.importorskip("lsst.daf.butler.queries.expressions.parser")
    theirs = butler.parse_expression(f"T'{text}'")
    ours = parse(f"T'{text}'").root
    assert isinstance(ours, tree.Moment)
    assert ours.tai == times.to_tai_us(theirs.value)


# --- laws ---

WORDS = st.text(string.ascii_letters + "_", min_size=1, max_size=6).filter(
    lambda w: w.upper() not in tree.RESERVED
)
NUMBERS: st.SearchStrategy[tree.Node] = st.builds(
    tree.Number,
    st.integers(0, tree.INTEGER_LIMIT - 1) | st.floats(0, allow_infinity=False, allow_nan=False).map(abs),
)
QUANTITIES = st.builds(tree.Quantity, st.integers(0, 9), WORDS | st.sampled_from(["m / s", "in", "mag(AB)"]))
MOMENTS = st.builds(tree.Moment, st.integers(-62_135_596_800_000_000, 253_402_300_799_999_999))
RANGES = st.tuples(st.integers(-1000, 1000), st.integers(0, 1000), st.integers(1, 9)).map(
    lambda r: tree.Range(r[0], r[0] + r[1], r[2])
)
CONSTANTS = st.builds(tree.Text, st.text()) | MOMENTS | st.builds(tree.Bind, WORDS) | NUMBERS | QUANTITIES
LEAVES = (
    CONSTANTS
    | st.builds(tree.Truth, st.booleans())
    | st.builds(tree.Name, st.lists(WORDS, min_size=1, max_size=3).map(".".join))
)


def branches(inner: st.SearchStrategy[tree.Node]) -> st.SearchStrategy[tree.Node]:
    several = st.lists(inner, min_size=2, max_size=4).map(tuple)
    items = st.lists(
        CONSTANTS | RANGES | (NUMBERS | QUANTITIES).map(tree.Negative), min_size=1, max_size=4
    ).map(tuple)
    return (
        st.builds(tree.Or, several)
        | st.builds(tree.And, several)
        | st.builds(tree.Not, inner)
        | st.builds(tree.Negative, inner)
        | st.builds(tree.Comparison, st.sampled_from(sorted(tree.COMPARISONS)), inner, inner)
        | st.builds(tree.Arithmetic, st.sampled_from("+-*/%"), inner, inner)
        | st.builds(tree.IsNull, inner, st.booleans())
        | st.builds(tree.In, inner, items, st.booleans())
        | st.builds(tree.Call, st.sampled_from(["abs", "isnull"]), st.tuples(inner))
        | st.builds(tree.Call, st.sampled_from(["min", "max"]), several)
    )


TREES = st.recursive(LEAVES, branches, max_leaves=25)


@given(TREES)
def test_the_text_of_any_tree_parses_to_an_equal_tree(root: tree.Node) -> None:
    expression = Expression(root)
    again = parse(str(expression))
    assert again == expression
    assert str(again) == str(expression)


@pytest.mark.parametrize(
    "grow",
    [
        tree.Not,
        tree.Negative,
        lambda node: tree.Arithmetic("-", tree.Number(1), node),
        lambda node: tree.Arithmetic("-", node, tree.Number(1)),
        lambda node: tree.Arithmetic("*", tree.Arithmetic("-", tree.Number(1), node), tree.Number(2)),
        lambda node: tree.Or((tree.Name("a"), node)),
        lambda node: tree.Comparison("=", node, tree.Name("a")),
        lambda node: tree.Comparison("=", tree.Name("a"), node),
        lambda node: tree.Call("min", (tree.Name("a"), node)),
        lambda node: tree.IsNull(node),
    ],
)
def test_the_deepest_tree_can_be_written_and_read(grow: Callable[[tree.Node], tree.Node]) -> None:
    node: tree.Node = tree.Name("a")
    while grow(tree.Name("a")).depth - 1 + node.depth <= tree.DEPTH_LIMIT:
        node = grow(node)
    with pytest.raises(ExpressionError, match="nested more than"):
        grow(node)
    assert parse(str(node)).root == node


@given(st.text(st.sampled_from("ab.1:T'()<>=!&|,+-*/% \nINORNULL"), max_size=40))
def test_any_text_is_an_expression_or_an_expression_error(text: str) -> None:
    try:
        parsed = parse(text)
    except ExpressionError:
        return
    assert parse(str(parsed)) == parsed


# --- evaluation against a second, plain implementation ---

COLUMNS = {
    "i": pl.Int64(),
    "u": pl.UInt8(),
    "f": pl.Float64(),
    "s": pl.String(),
    "t": pl.Datetime("us"),
    "b": pl.Boolean(),
}
MINUTES = [datetime.datetime(2014, 12, 30, 4, minute) for minute in range(4)]
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "i": st.none() | st.integers(-6, 6),
            "u": st.none() | st.integers(0, 255),
            "f": st.none() | st.just(NAN) | st.sampled_from([-2.5, -1.0, -0.0, 0.0, 0.5, 1.0, 3.0, math.inf]),
            "s": st.none() | st.sampled_from(["", "a", "b", "it's"]),
            "t": st.none() | st.sampled_from(MINUTES),
            "b": st.none() | st.booleans(),
        }
    ),
    min_size=1,
    max_size=6,
)
OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
}


def moment(value: datetime.datetime) -> tree.Moment:
    return tree.Moment((value - datetime.datetime(1970, 1, 1)) // datetime.timedelta(microseconds=1))


SMALL = st.integers(0, 6).map(tree.Number) | st.sampled_from([0.5, 1.0, 2.5]).map(tree.Number)
INTEGER_NODES = st.sampled_from(["i", "u"]).map(tree.Name) | st.integers(0, 6).map(tree.Number)


def arithmetic(inner: st.SearchStrategy[tree.Node]) -> st.SearchStrategy[tree.Node]:
    return (
        st.builds(tree.Negative, inner)
        | st.builds(tree.Arithmetic, st.sampled_from("+-*/%"), inner, inner)
        | st.builds(tree.Call, st.just("abs"), st.tuples(inner))
        | st.builds(tree.Call, st.sampled_from(["sqrt", "floor", "ln"]), st.tuples(inner))
        | st.builds(tree.Call, st.just("hypot"), st.tuples(inner, inner))
        | st.builds(tree.Call, st.sampled_from(["min", "max"]), st.tuples(inner, inner))
    )


NUMERIC = st.recursive(st.sampled_from(["i", "u", "f"]).map(tree.Name) | SMALL, arithmetic, max_leaves=4)
TEXTUAL = st.just(tree.Name("s")) | st.sampled_from(["", "a", "it's"]).map(tree.Text)
TEMPORAL = st.just(tree.Name("t")) | st.sampled_from(MINUTES).map(moment)
COMPARISONS = st.sampled_from(sorted(tree.COMPARISONS))
LISTS = st.lists(SMALL | SMALL.map(tree.Negative) | RANGES, min_size=1, max_size=3).map(tuple)
CONDITIONS = st.recursive(
    st.just(tree.Name("b"))
    | st.builds(tree.Truth, st.booleans())
    | st.builds(tree.Comparison, COMPARISONS, NUMERIC, NUMERIC)
    | st.builds(tree.Comparison, COMPARISONS, TEXTUAL, TEXTUAL)
    | st.builds(tree.Comparison, COMPARISONS, TEMPORAL, TEMPORAL)
    | st.builds(tree.In, NUMERIC, LISTS, st.booleans())
    | st.builds(
        tree.In, TEXTUAL, st.lists(st.sampled_from("ab").map(tree.Text), min_size=1).map(tuple), st.booleans()
    )
    | st.builds(
        tree.In,
        TEMPORAL,
        st.lists(st.sampled_from(MINUTES).map(moment), min_size=1).map(tuple),
        st.booleans(),
    )
    | st.builds(tree.IsNull, NUMERIC | TEXTUAL, st.booleans())
    | st.builds(tree.Call, st.sampled_from(["isnan", "isnull"]), st.tuples(NUMERIC)),
    lambda inner: (
        st.builds(tree.Not, inner)
        | st.builds(tree.And, st.lists(inner, min_size=2, max_size=3).map(tuple))
        | st.builds(tree.Or, st.lists(inner, min_size=2, max_size=3).map(tuple))
    ),
    max_leaves=6,
)


def is_nan(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)


def known(value: object) -> bool:
    return value is not None and not is_nan(value)


def calculate(sign: str, left: Any, right: Any) -> Any:
    whole = isinstance(left, int) and isinstance(right, int)
    if sign in "+-*":
        return OPERATORS[sign](left, right)
    if sign == "%" and whole:
        return left % right if right else None
    with np.errstate(all="ignore"):
        if sign == "/":
            return float(np.float64(left) / np.float64(right))
        # Polars has the definition of floor division here, which leaves NaN for an infinite divisor.
        quotient = np.floor(np.float64(left) / np.float64(right))
        return float(np.float64(left) - quotient * np.float64(right))


def function(name: str, values: list[Any]) -> Any:
    if name == "isnull":
        return values[0] is None
    if name == "isnan":
        return is_nan(values[0])
    if None in values:
        return None
    if name == "abs":
        return abs(values[0])
    if name == "sqrt":
        return math.sqrt(values[0]) if values[0] >= 0 else NAN
    if any(is_nan(value) for value in values):
        return NAN
    with np.errstate(all="ignore"):
        if name == "floor":
            return float(np.floor(values[0]))
        if name == "ln":
            return float(np.log(np.float64(values[0])))
        if name == "hypot":
            return math.hypot(*values)
    return min(values) if name == "min" else max(values)


def oracle(node: tree.Node, row: Mapping[str, Any]) -> Any:
    match node:
        case tree.Name(name=name):
            return row[name]
        case tree.Number(value=value) | tree.Text(value=value) | tree.Truth(value=value):
            return value
        case tree.Moment():
            return node.datetime
        case tree.Negative():
            value = oracle(node.operand, row)
            return None if value is None else -value
        case tree.Arithmetic():
            left, right = oracle(node.left, row), oracle(node.right, row)
            return None if left is None or right is None else calculate(node.operator, left, right)
        case tree.Call():
            return function(node.function, [oracle(argument, row) for argument in node.arguments])
        case tree.Comparison():
            left, right = oracle(node.left, row), oracle(node.right, row)
            return OPERATORS[node.operator](left, right) if known(left) and known(right) else None
        case tree.In():
            value = oracle(node.operand, row)
            if not known(value):
                return None
            found = any(
                item.start <= value <= item.stop and (value - item.start) % item.step == 0
                if isinstance(item, tree.Range)
                else value == oracle(item, row)
                for item in node.items
            )
            return found != node.negated
        case tree.IsNull():
            return (oracle(node.operand, row) is None) != node.negated
        case tree.Not():
            value = oracle(node.operand, row)
            return None if value is None else not value
        case tree.And() | tree.Or():
            values = [oracle(operand, row) for operand in node.operands]
            decisive = isinstance(node, tree.Or)
            return decisive if decisive in values else None if None in values else not decisive
    raise AssertionError(node)


@settings(max_examples=400)
@given(CONDITIONS, ROWS)
def test_evaluation_agrees_with_a_plain_one(root: tree.Node, rows: list[dict[str, Any]]) -> None:
    frame = pl.DataFrame(rows, schema=COLUMNS)
    found = frame.select(x=Expression(root).to_polars(frame, condition=True))
    # An expression of literals alone has one row.
    values = found["x"].to_list() * (len(rows) // found.height)
    assert values == [oracle(root, row) for row in rows]


@given(ROWS, NUMERIC)
def test_a_number_agrees_with_a_plain_one(rows: list[dict[str, Any]], root: tree.Node) -> None:
    frame = pl.DataFrame(rows, schema=COLUMNS)
    found = frame.select(x=Expression(root).to_polars(frame))
    values = found["x"].to_list() * (len(rows) // found.height)
    assert values == pytest.approx([oracle(root, row) for row in rows], nan_ok=True)


def test_every_standard_dimension_is_a_name() -> None:
    for dimension in dataids.STANDARD_DIMENSIONS:
        assert parse(f"{dimension} IS NOT NULL").names == {dimension}
