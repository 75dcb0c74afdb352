"""The example notebook: run as a person runs it, and looked at in a browser."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from playwright.sync_api import Page, sync_playwright

NOTEBOOK = Path(__file__).parents[2] / "docs" / "notebooks" / "metrics-store.ipynb"

pytestmark = [
    pytest.mark.long,
    pytest.mark.xdist_group("notebook"),
    # Those of the kernel's libraries about each other.
    pytest.mark.filterwarnings("default"),
]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The notebook with what its cells gave; a cell that fails ends it."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    place = {"metadata": {"path": str(tmp_path_factory.mktemp("notebook"))}}
    return NotebookClient(notebook, timeout=300, kernel_name="python3", resources=place).execute()


def outputs(run: Any, word: str) -> str:
    """Give what the first cell gave, as HTML, whose code has a word."""
    cell = next(cell for cell in run.cells if cell.cell_type == "code" and word in cell.source)
    return "".join(str(output.data.get("text/html", "")) for output in cell.outputs if "data" in output)


def test_in_the_repository_it_has_no_outputs() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert len(cells) > 8
    assert all(cell.outputs == [] and cell.execution_count is None for cell in cells)


def test_it_runs_and_finds_what_was_made_up(run: Any) -> None:
    assert all(output.output_type != "error" for cell in run.cells for output in cell.get("outputs", []))
    assert "example.seeing" in outputs(run, "make_up_night()")
    compared = outputs(run, "compare_runs(store")
    assert "59 changed" in compared
    assert "detector <b>31</b>" in compared
    assert "49 only in night/1" not in compared
    assert "98 only in night/1" in compared
    correlated = outputs(run, "correlation = store.correlate")
    assert "no sample of wind_speed" in correlated
    lost = next(cell for cell in run.cells if "only_in_a" in cell.source)
    assert lost.outputs[0].data["text/plain"] == "[2025062100013]"


@pytest.fixture(scope="module")
def page(run: Any, chromium: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    html, _ = HTMLExporter(
        mathjax_url="", require_js_url="", jquery_url="", mermaid_js_url=""
    ).from_notebook_node(run)
    place = tmp_path_factory.mktemp("page") / "notebook.html"
    place.write_text(html)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(chromium),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        page = browser.new_page(viewport={"width": 1200, "height": 900})
        page.goto(place.as_uri())
        yield page
        browser.close()


@pytest.mark.browser
def test_a_browser_shows_its_tables_and_its_plots(page: Page) -> None:
    page.wait_for_function("() => document.querySelectorAll('.bk-Figure').length == 3", timeout=30_000)
    assert page.locator(".gnomon table").count() >= 6
    shown = page.locator(".gnomon", has_text="Correlation").first
    assert "spearman" in shown.inner_text()
    box = page.locator(".bk-Figure").first.bounding_box()
    assert box is not None
    assert box["height"] > 300
