"""A report as JUnit XML, which continuous integration shows."""

import re
from xml.sax.saxutils import escape, quoteattr

import polars as pl

__all__ = ["render_junit"]

# What XML 1.0 cannot say at all, not even escaped.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render_junit(lines: pl.DataFrame) -> str:
    """Write a report as JUnit XML.

    Parameters
    ----------
    lines
        The lines of the report.

    Returns
    -------
    str
        A suite for each package and a case for each line, in classes that are the metrics; a verdict that
        could not be given is a skipped case. Characters that XML does not have are replaced.
    """
    package = pl.col("metric").str.extract(r"^([^.]*)\.", 1).fill_null("")
    name = pl.col("specification").str.strip_prefix(pl.col("metric") + ".")
    name = pl.concat_str(
        name, pl.when(pl.col("data_id") != "").then("data_id"), separator=" ", ignore_nulls=True
    )
    repeated = pl.int_range(1, pl.len() + 1).over("_metric", "_name")
    cases = (
        lines.select(
            package.alias("_package"),
            pl.col("metric").alias("_metric"),
            name.alias("_name"),
            pl.col("verdict").cast(pl.String),
            "reason",
        )
        # Several consumers take cases of one name for one case.
        .with_columns(
            pl.when(repeated > 1)
            .then(pl.format("{} ({})", "_name", repeated))
            .otherwise("_name")
            .alias("_name")
        )
        .sort("_package", maintain_order=True)
    )
    suites = [_suite(package, group) for (package,), group in cases.group_by("_package", maintain_order=True)]
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<testsuites name="gnomon" {_counts(cases)}>\n{"".join(suites)}</testsuites>\n'
    )


def _counts(cases: pl.DataFrame) -> str:
    found = dict(cases.group_by("verdict").len().iter_rows())
    failures, passed = found.get("fail", 0), found.get("pass", 0)
    skipped = len(cases) - failures - passed
    return f'tests="{len(cases)}" failures="{failures}" errors="0" skipped="{skipped}" time="0"'


def _suite(package: object, cases: pl.DataFrame) -> str:
    parts = [f"  <testsuite name={_attribute(str(package))} {_counts(cases)}>\n"]
    for metric, name, verdict, reason in cases.select("_metric", "_name", "verdict", "reason").iter_rows():
        head = f'    <testcase classname={_attribute(metric)} name={_attribute(name)} time="0"'
        match verdict:
            case "pass":
                parts.append(f"{head}/>\n")
            case "fail":
                text = escape(_FORBIDDEN.sub("�", reason))
                parts.append(
                    f'{head}>\n      <failure type="fail" message={_attribute(reason)}>{text}</failure>\n'
                    "    </testcase>\n"
                )
            case _:
                message = _attribute(f"{verdict}: {reason}")
                parts.append(f"{head}>\n      <skipped message={message}/>\n    </testcase>\n")
    parts.append("  </testsuite>\n")
    return "".join(parts)


def _attribute(text: str) -> str:
    return quoteattr(_FORBIDDEN.sub("�", text))
