"""The page in a browser: search, users, map, lookup table, by pointer and by keyboard, wide and narrow."""

import itertools
import re
from typing import Any

import pytest

from tests.pipelines.page_workspace import SCRIPT

pytestmark = pytest.mark.browser


def visible_user(page: Any) -> str:
    return str(page.locator("article.user:visible h3").first.inner_text())


def test_one_user_is_shown_and_another_one_can_be_chosen(open_page: Any) -> None:
    page = open_page()
    assert page.locator("article.user:visible").count() == 1
    before = visible_user(page)
    page.locator("#user").select_option(index=5)
    assert page.locator("article.user:visible").count() == 1
    assert visible_user(page) != before


def test_search_finds_a_user_by_keyboard(open_page: Any) -> None:
    page = open_page()
    page.locator("#search").focus()
    page.keyboard.type("u23")
    page.wait_for_function("document.querySelectorAll('#found li').length > 0")
    page.keyboard.press("ArrowDown")
    assert page.locator("#found li[aria-selected=true]").count() == 1
    assert page.locator("#search").get_attribute("aria-activedescendant") == "found-0"
    page.keyboard.press("Enter")
    page.wait_for_function("document.activeElement.closest('article.user') !== null")
    assert visible_user(page) == "u23"
    assert page.locator("#found").is_hidden()


def test_search_ignores_case_and_escape_clears_it(open_page: Any) -> None:
    page = open_page()
    page.locator("#search").fill("SCRIPT")
    assert SCRIPT in page.locator("#found li").first.inner_text()
    assert re.match(r"\d+ found", page.locator("#found-count").inner_text())
    page.locator("#search").press("Escape")
    assert page.locator("#search").input_value() == ""
    assert page.locator("#found").is_hidden()


def test_a_journey_and_a_cluster_can_be_found_by_a_click(open_page: Any) -> None:
    page = open_page()
    for kind in ("journey", "cluster"):
        word = page.evaluate(
            "kind => JSON.parse(document.getElementById('search-data').textContent).find(e => e[0] === kind)[1]", kind
        )
        page.locator("#search").fill(word.split(" · ")[0])
        page.locator("#found li", has_text=kind).first.click()
        page.wait_for_function("document.querySelector('li.chosen') !== null")
        assert page.locator("li.chosen").is_visible()
        assert page.evaluate("document.activeElement.matches('li.chosen')")


def test_hover_on_the_map_shows_items(open_page: Any) -> None:
    page = open_page()
    circle = page.locator("#map-picture circle.cluster").first
    circle.scroll_into_view_if_needed()
    box = circle.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_function("document.querySelector('#map-details h3') !== null")
    assert page.locator("#map-details p").count() >= 2
    assert page.locator("#map-cursor").get_attribute("visibility") == "visible"


def test_arrow_keys_move_over_the_map(open_page: Any) -> None:
    page = open_page()
    page.locator("#map-picture").focus()
    page.keyboard.press("ArrowRight")
    x = float(page.locator("#map-cursor").get_attribute("cx"))
    headings = {page.locator("#map-details h3").inner_text()}
    for key in ("ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "ArrowLeft", "ArrowLeft"):
        page.keyboard.press(key)
        headings.add(page.locator("#map-details h3").inner_text())
    assert len(headings) > 1
    assert float(page.locator("#map-cursor").get_attribute("cx")) != x


def test_names_on_the_map_do_not_overlap(open_page: Any) -> None:
    page = open_page()
    boxes = page.evaluate(
        "[...document.querySelectorAll('#map-picture text')].map(text => text.getBBox())"
        ".map(box => [box.x, box.y, box.width, box.height])"
    )
    assert len(boxes) >= 3
    for number, (left, top, width, height) in enumerate(boxes):
        for other in boxes[:number]:
            across = min(left + width, other[0] + other[2]) - max(left, other[0])
            down = min(top + height, other[1] + other[3]) - max(top, other[1])
            assert across <= 0 or down <= 0


def test_the_table_shows_what_follows_a_pair(open_page: Any) -> None:
    page = open_page()
    page.locator("#earlier").select_option("0")
    page.locator("#recent").select_option("1")
    heading = page.locator("#table-details h3").inner_text()
    assert heading.startswith("After ")
    first = page.locator("#table-details li").first.inner_text()
    assert re.search(r"\d+\.\d % \(log -\d+\.\d{3}\)", first)
    page.locator("#table-picture").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("#table-details h3").inner_text() != heading
    assert page.locator("#recent").input_value() == "2"
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert "distinct" in page.locator("#table-details p").inner_text()


def test_a_click_on_a_cell_chooses_its_pair(open_page: Any) -> None:
    page = open_page()
    picture = page.locator("#table-picture")
    picture.scroll_into_view_if_needed()
    rows, columns = 1, 3
    point = page.evaluate(
        """([row, column]) => {
            const picture = document.getElementById('table-picture');
            const size = Number(picture.dataset.cell);
            const at = new DOMPoint((column + 0.5) * size, (row + 0.5) * size).matrixTransform(picture.getScreenCTM());
            return [at.x, at.y];
        }""",
        [rows, columns],
    )
    page.mouse.click(*point)
    assert page.locator("#earlier").input_value() == "1"
    assert page.locator("#recent").input_value() == "3"


def test_a_link_to_a_cluster_opens_its_branch(open_page: Any) -> None:
    page = open_page()
    link = page.locator("article.user:visible a[href^='#cluster-']").first
    target = str(link.get_attribute("href"))[1:]
    link.click()
    page.wait_for_function("id => document.getElementById(id).matches('.chosen')", arg=target)
    assert page.locator(f"[id='{target}']").is_visible()


@pytest.mark.parametrize("width", [360, 1200])
def test_the_page_is_no_wider_than_the_screen(open_page: Any, width: int) -> None:
    page = open_page(viewport={"width": width, "height": 800})
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [360, 1200])
def test_dates_of_a_time_line_do_not_overlap(open_page: Any, width: int) -> None:
    page = open_page(viewport={"width": width, "height": 800})
    ends = page.evaluate(
        """[...document.querySelectorAll('article.user:not([hidden]) .axis text')]
            .map(each => each.getBoundingClientRect()).filter(box => box.width > 0).map(box => [box.left, box.right])"""
    )
    assert len(ends) >= 3
    assert all(before[1] < after[0] for before, after in itertools.pairwise(ends))


def test_tables_of_a_user_need_no_scrolling_on_a_phone(open_page: Any) -> None:
    page = open_page(viewport={"width": 360, "height": 800})
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    widths = page.evaluate(
        "[...document.querySelectorAll('article.user:not([hidden]) .scroll')].map(e => [e.scrollWidth, e.clientWidth])"
    )
    assert len(widths) >= 3
    assert all(inside <= outside for inside, outside in widths)


def test_colours_follow_the_preference(open_page: Any) -> None:
    grounds = [
        open_page(color_scheme=scheme).evaluate("getComputedStyle(document.body).backgroundColor")
        for scheme in ("light", "dark")
    ]
    assert grounds == ["rgb(255, 255, 255)", "rgb(21, 24, 27)"]


def test_everything_that_can_be_focused_has_a_name(open_page: Any) -> None:
    page = open_page()
    unnamed = page.evaluate(
        """[...document.querySelectorAll('a, input, select, summary, [tabindex="0"]')].filter(each => {
            const label = each.labels && each.labels.length ? each.labels[0].textContent : '';
            return !(each.getAttribute('aria-label') || label || each.textContent.trim());
        }).map(each => each.outerHTML.slice(0, 80))"""
    )
    assert unnamed == []
    headings = page.evaluate("[...document.querySelectorAll('h1, h2, h3, h4')].map(h => Number(h.tagName[1]))")
    assert headings[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(headings))


@pytest.mark.parametrize("width", [360, 1200])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_violation(open_page: Any, scheme: str, width: int) -> None:
    """All of a user and of every section is open, with results of the search, a point and a pair chosen."""
    from axe_playwright_python.sync_playwright import Axe

    page = open_page(color_scheme=scheme, viewport={"width": width, "height": 800})
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    page.locator("#table-picture").focus()
    page.keyboard.press("ArrowRight")
    page.locator("#map-picture").focus()
    page.keyboard.press("ArrowRight")
    page.locator("#search").fill("chess")
    page.keyboard.press("ArrowDown")
    results = Axe().run(page).response
    found = [
        (each["id"], node["target"], node["failureSummary"])
        for each in results["violations"]
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]
    assert found == []


def test_the_page_prints_one_user_without_controls(open_page: Any) -> None:
    page = open_page()
    page.emulate_media(media="print")
    assert page.locator("nav").is_hidden()
    assert page.locator("#search").is_hidden()
    assert page.locator("article.user:visible").count() == 1
