"""What the documentation shows is what happens."""

import doctest
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(path for path in DOCS.rglob("*.md") if "```pycon" in path.read_text())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_examples_of_a_page_are_true(page: Path) -> None:
    examples = "\n\n".join(re.findall(r"^```pycon\n(.*?)^```$", page.read_text(), re.M | re.S))
    test = doctest.DocTestParser().get_doctest(examples, {}, page.stem, str(page), 0)
    assert test.examples
    report: list[str] = []
    failures, _ = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=report.append)
    assert not failures, "".join(report)


def test_a_page_links_only_to_pages_that_exist() -> None:
    for page in [*DOCS.rglob("*.md"), *DOCS.parent.glob("*.md")]:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists() or target == "docs/images/night.png", f"{page}: {target}"
