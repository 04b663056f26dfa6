"""The pages by keyboard alone: real key events in a headless Chromium."""

import pytest

from ..browser import BROWSER, Browser
from .test_accessibility import home as home  # fixtures
from .test_page import comparison as comparison
from .test_page import experiment as experiment
from .test_page import page as page

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium; on Debian: apt-get install chromium")

READY = {
    "home": "document.readyState === 'complete'",
    "page": "document.querySelector('details.window') !== null",
    "comparison": "document.querySelectorAll('details.window').length === 4",
}
CONTROLS = "a[href], button, input, select, summary, [tabindex]"
STOPS = f"""(() => {{
  window.stops = [...document.querySelectorAll("{CONTROLS}")].filter(each =>
    each.tabIndex >= 0 && each.checkVisibility() &&
    !each.closest("dialog:not([open]), details:not([open]) > :not(summary)"));
  return stops.length;
}})()"""
"""Every control that the Tab key has to reach, in the order of the document, which is the order of reading."""
FOCUSED = """(() => {
  const { activeElement: element } = document, box = element.getBoundingClientRect(), style = getComputedStyle(element);
  const name = (element.ariaLabel ?? element.textContent).trim().replace(/\\s+/g, " ").slice(0, 40);
  return {
    place: window.stops.indexOf(element),
    name: `${element.tagName.toLowerCase()} ${name}`,
    ring: element.matches(":focus-visible") && style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
    seen: box.width > 0 && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
  };
})()"""


@pytest.fixture(params=[1300, 390])
def browser(request):
    with Browser(request.param) as opened:
        yield opened


def walk(browser):
    """What the Tab key reaches, from the start of a page to its end."""
    reached = []
    for _ in range(browser.evaluate(STOPS) + 1):
        browser.press("Tab")
        focused = browser.evaluate(FOCUSED)
        if focused["name"].startswith(("body", "html")) or (reached and focused["place"] == 0):
            break
        reached.append(focused)
    return reached


@pytest.mark.parametrize("which", READY)
def test_tab_reaches_every_control_in_the_order_of_reading_and_shows_where_it_is(which, browser, request):
    browser.open(request.getfixturevalue(which))
    browser.wait(READY[which])
    browser.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    expected = browser.evaluate(STOPS)
    reached = walk(browser)
    assert [stop["place"] for stop in reached] == list(range(expected)), [stop["name"] for stop in reached]
    assert [stop["name"] for stop in reached if not stop["ring"]] == [], "no visible ring"
    assert [stop["name"] for stop in reached if not stop["seen"]] == [], "outside the window"
    assert expected > 10


def test_keys_go_through_the_queries_wherever_the_focus_is_and_are_explained(page, browser):
    browser.open(page, "#sort=topics")
    browser.wait(READY["page"])
    shown = "document.querySelector('h2:not(#help-title)').textContent.split(' ').pop()"
    for key, query in (("j", "q1"), ("j", "q2"), ("k", "q1")):
        browser.press(key)
        browser.wait(f"{shown} === '{query}'")
    browser.evaluate("document.querySelector('#queries [aria-current]').focus()")
    browser.press("ArrowDown")
    browser.wait(f"{shown} === 'q2'")
    assert browser.evaluate("document.activeElement.dataset.id") == "q2", "the focus goes with the query"
    browser.press("/")
    assert browser.evaluate("document.activeElement.id") == "search"
    browser.press("j")
    assert browser.evaluate("document.activeElement.value") == "j", "in a field, keys are letters"
    browser.evaluate("document.querySelector('#keys').focus()")
    browser.press("?")
    assert browser.evaluate("document.querySelector('#help').open")
    keys = browser.evaluate("[...document.querySelectorAll('#help kbd')].map(each => each.textContent)")
    assert {"j", "k", "/", "o", "?"} <= set(keys)
    browser.press("Escape")
    assert not browser.evaluate("document.querySelector('#help').open")
    assert browser.evaluate("document.activeElement.id") == "keys", "the focus returns"


def test_arrow_keys_go_through_the_lines_of_the_rankings_and_tell_their_passages(page, browser):
    browser.open(page)
    browser.wait(READY["page"])
    browser.evaluate("document.querySelector('svg path[tabindex=\"0\"]').focus()")
    told = "document.querySelector('main > [role=status]').textContent"
    first = browser.evaluate(told)
    assert "BM Twenty 1 → reranked" in first
    browser.press("ArrowDown")
    assert "BM Twenty 2 → reranked" in browser.evaluate(told)
    browser.press("ArrowUp")
    assert browser.evaluate(told) == first


def test_a_column_is_sorted_and_latex_is_copied_by_keyboard(home, browser):
    browser.open(home)
    browser.evaluate("document.querySelectorAll('#cells th button')[5].focus()")
    browser.press("Enter")
    assert browser.evaluate("document.querySelectorAll('#cells th')[5].ariaSort") == "ascending"
    browser.evaluate("document.querySelector('#table-effectiveness summary').focus()")
    browser.press("Enter")
    browser.press("Tab")
    browser.press("Enter")
    assert browser.evaluate("document.querySelector('#table-effectiveness [role=status]').textContent") == "Copied."
    assert "\\toprule" in browser.evaluate("getSelection().toString()")
