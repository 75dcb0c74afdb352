"""The page of the night in a real browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from .conftest import Demonstration

pytestmark = [pytest.mark.xdist_group("night"), pytest.mark.browser]


class Visit:
    """The page, open, with all that the browser asked for and complained of."""

    def __init__(self, page: Page, place: Path) -> None:
        self.requests: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on(
            "console",
            lambda said: self.complaints.append(said.text) if said.type in ("error", "warning") else None,
        )
        page.goto(place.as_uri())
        page.wait_for_selector("#glance canvas, #glance .bk-Figure", state="attached")
        self.page = page


@pytest.fixture(scope="module")
def page(night: Demonstration, chromium: Path) -> Iterator[Visit]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(chromium),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield Visit(browser.new_page(viewport={"width": 1200, "height": 900}), night.folder / "night.html")
        browser.close()


def test_the_page_asks_for_nothing_but_itself_and_has_no_errors(page: Visit, night: Demonstration) -> None:
    page.page.wait_for_timeout(500)
    asked = [url for url in page.requests if not url.startswith(("data:", "blob:"))]
    assert asked == [(night.folder / "night.html").as_uri()]
    assert page.complaints == []


def test_the_page_shows_every_specification_with_its_verdict(page: Visit, night: Demonstration) -> None:
    cards = page.page.locator("#specifications .card")
    rows = night.found["verdicts"]["by_specification"]
    assert cards.count() == len(rows)
    failing = page.page.locator("#specifications .card.fail")
    assert failing.count() == sum(row["fail"] > 0 for row in rows)
    colour = failing.first.locator(".verdict").evaluate("e => getComputedStyle(e).color")
    red, green, _ = (int(part) for part in colour.removeprefix("rgb(").removesuffix(")").split(","))
    assert red > 2 * green


def test_the_plots_mark_the_flagged_visits(page: Visit, night: Demonstration) -> None:
    excluded = sorted(str(item["visit"]) for item in night.found["excluded_visits"])
    marked = page.page.evaluate(
        """() => [...Bokeh.documents[0].all_models]
            .filter(model => model.type === 'GlyphRenderer' && model.glyph.marker?.value === 'x')
            .map(model => [...model.data_source.data.visit])"""
    )
    assert len(marked) == 3  # at a glance, zero point, sky
    assert all(sorted(visits) == excluded for visits in marked)


def test_each_mark_is_shown_with_who_when_and_why(page: Visit, night: Demonstration) -> None:
    rows = page.page.locator("#marks tbody tr").all_inner_texts()
    assert len(rows) == len(night.found["marks"])
    for text, mark in zip(rows, night.found["marks"], strict=True):
        for part in (
            str(mark["visit"]),
            mark["by"],
            mark["recorded_at"][:10],
            mark["reason"],
            mark["outcome"],
        ):
            assert part in text


def test_a_visit_under_the_pointer_says_what_it_is(page: Visit) -> None:
    figure = page.page.locator("#glance .bk-Figure")
    figure.scroll_into_view_if_needed()
    box = figure.bounding_box()
    assert box is not None
    page.page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.4 * box["height"])
    tip = page.page.locator(".bk-Tooltip").first
    tip.wait_for(state="attached", timeout=5000)
    said = tip.evaluate("element => (element.shadowRoot ?? element).textContent")
    assert "visit" in said
    assert "<=" in said or ">=" in said
