"""The HTML page in a real browser: it fits, it asks for nothing, and what others wrote stays text.

Skipped where there is no Chromium; with RECONCILER_REQUIRE_BROWSER=1 that is a failure. RECONCILER_SCREENSHOTS=1 writes
the pictures of the documentation anew.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.render.html.page import render_drift, render_plan
from tests.browser.chromium import Chromium, Page, find
from tests.browser.showcase import showcase
from tests.render.plans import HOSTILE, Plan, change, everywhere, field, plan
from tests.render.situations import plan_of

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "docs" / "images"
SITUATIONS_OF_EVERY_SHAPE = (
    *("first-apply", "one-word-in-a-long-prompt", "tool-parameter-required", "two-thousand-documents", "no-changes"),
    *("drift-and-manifest", "replace-expired-store-with-users", "blocked-by-protect", "hostile-strings"),
)
DESKTOP, PHONE, SMALL_PHONE = 1280, 390, 320

OVERFLOWING = """(() => {
  const wide = [...document.querySelectorAll("body *")].filter(element => {
    const box = element.getBoundingClientRect();
    return box.width && (box.right > document.documentElement.clientWidth + 0.5 || box.left < -0.5);
  });
  return wide.slice(0, 5).map(element => element.outerHTML.slice(0, 200));
})()"""
"""The elements that stick out of the window, whether or not the page scrolls because of them."""

CLIPPED = """(() => {
  document.querySelectorAll("details").forEach(details => { details.open = true; });
  return [...document.querySelectorAll(".diff, .change, .panel, .picture")]
    .filter(box => box.scrollWidth > box.clientWidth + 1).map(box => box.outerHTML.slice(0, 200));
})()"""
"""The boxes whose content is wider than they are, everything unfolded."""

ELEMENTS = "JSON.stringify([...new Set([...document.querySelectorAll('*')].map(element => element.localName))].sort())"
FOREIGN = "document.querySelectorAll('script,img,iframe,object,embed,link,base,form,input,template').length"


def _everywhere_at_once() -> Plan:
    """A plan in which every text of the corpus stands wherever there is data."""
    found = [everywhere(text) for text in HOSTILE]
    changes = [one for body in found for one in body["changes"]]
    risks = [risk for body in found for risk in body["risks"]]
    warnings = [warning for body in found for warning in body["warnings"]]
    return plan(*changes, risks=risks, warnings=warnings, stack=" ".join(HOSTILE))


def _hostile_paths() -> Plan:
    """Names without a place to break, in every column."""
    long = "a" * 600
    files = {"added": [{"path": f"{long}/{long}.md", "bytes": 10**12, "sha256": "0", "reason": long}]}
    one = field([long, long], before=long, after=f"{long}b")
    return plan(change(f"VectorStore/{long}", source={"file": long, "line": 1, "column": 1}, fields=[one], files=files))


def _plans() -> dict[str, Plan]:
    found = {name: plan_of(name) for name in SITUATIONS_OF_EVERY_SHAPE}
    return found | {"showcase": showcase(), "everywhere": _everywhere_at_once(), "long-names": _hostile_paths()}


PLANS = _plans()


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    program = find()
    if program is None:
        reason = "There is no Chromium here: install the package `chromium`, or name one in CHROMIUM."
        if os.environ.get("RECONCILER_REQUIRE_BROWSER") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    with Chromium(program) as started:
        yield started


def opened(browser: Chromium, directory: Path, page: str, *, width: int, dark: bool = False) -> Page:
    path = directory / "page.html"
    path.write_text(page, encoding="utf-8")
    return Page(browser, path, width=width, dark=dark)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [DESKTOP, PHONE])
@pytest.mark.parametrize("name", PLANS)
def test_the_page_fits_and_is_quiet(browser: Chromium, tmp_path: Path, name: str, width: int, dark: bool) -> None:
    page = opened(browser, tmp_path, render_plan(PLANS[name]), width=width, dark=dark)
    assert page.value("innerWidth") == width
    assert page.value("document.scrollingElement.scrollWidth") <= width
    assert page.value(OVERFLOWING) == []
    assert page.value(CLIPPED) == []
    assert page.value("document.scrollingElement.scrollWidth") <= width
    assert page.value(OVERFLOWING) == []
    assert page.requests() == [(tmp_path / "page.html").as_uri()]
    assert page.complaints() == []
    page.close()


@pytest.mark.parametrize("name", ["showcase", "everywhere", "long-names"])
def test_the_page_fits_the_smallest_phone(browser: Chromium, tmp_path: Path, name: str) -> None:
    page = opened(browser, tmp_path, render_plan(PLANS[name]), width=SMALL_PHONE)
    assert page.value("innerWidth") == SMALL_PHONE
    assert page.value(CLIPPED) == []
    assert page.value(OVERFLOWING) == []
    page.close()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_policy_lets_the_style_sheet_in_and_the_scheme_is_followed(
    browser: Chromium,
    tmp_path: Path,
    dark: bool,
) -> None:
    page = opened(browser, tmp_path, render_plan(showcase()), width=DESKTOP, dark=dark)
    ground = page.value("getComputedStyle(document.body).backgroundColor")
    assert ground == ("rgb(13, 17, 23)" if dark else "rgb(246, 247, 249)")
    page.close()


def test_a_page_that_tries_to_leave_is_stopped_and_heard(browser: Chromium, tmp_path: Path) -> None:
    """What the tests above rely on: with our policy nothing gets out, and the browser says what was tried."""
    intruder = "<img src=https://evil.example/x.png><script>document.title = 'owned'</script><p style='color:red'>x</p>"
    page = opened(browser, tmp_path, render_plan(plan()).replace("<main>", f"<main>{intruder}"), width=DESKTOP)
    page.value("new Promise(done => setTimeout(done, 200))")
    assert page.value("document.title") != "owned"
    assert page.value("getComputedStyle(document.querySelector('main p')).color") != "rgb(255, 0, 0)"
    assert len(page.complaints()) >= 3
    page.close()


def test_without_the_policy_a_request_would_be_seen(browser: Chromium, tmp_path: Path) -> None:
    """The recorder records: the same image without the policy is in the list of requests."""
    (tmp_path / "x.png").write_bytes(b"")
    bare = '<!doctype html><img src="x.png"><script>document.title = "ran"</script>'
    page = opened(browser, tmp_path, bare, width=DESKTOP)
    assert (tmp_path / "x.png").as_uri() in page.requests()
    assert page.value("document.title") == "ran"
    page.close()


def test_too_wide_a_page_would_be_seen(browser: Chromium, tmp_path: Path) -> None:
    """The measure measures: a box of 500 pixels does not fit on a phone."""
    bare = '<!doctype html><meta name="viewport" content="width=device-width"><p style="width:500px">x</p>'
    page = opened(browser, tmp_path, bare, width=PHONE)
    assert page.value(OVERFLOWING) != []
    assert page.value("document.scrollingElement.scrollWidth") > PHONE
    page.close()


@pytest.mark.parametrize("render", [render_plan, render_drift], ids=["plan", "drift"])
def test_no_element_is_made_from_data(browser: Chromium, tmp_path: Path, render: type[object]) -> None:
    tame = opened(browser, tmp_path, str(render(everywhere("tame"))), width=DESKTOP)  # type: ignore[call-arg]
    expected = set(json.loads(tame.value(ELEMENTS)))
    tame.close()
    page = opened(browser, tmp_path, str(render(PLANS["everywhere"])), width=DESKTOP)  # type: ignore[call-arg]
    assert set(json.loads(page.value(ELEMENTS))) <= expected | {"ins", "del", "bdi", "i", "a", "circle", "tspan", "b"}
    assert page.value(FOREIGN) == 0
    assert page.value("document.querySelectorAll('h1').length") == 1
    shown = page.value("document.body.innerText")
    assert "<script>alert(1)</script>" in shown or "<img src=x onerror=alert(1)>" in shown
    page.close()


def test_everything_can_be_reached_and_unfolded_with_the_keyboard(browser: Chromium, tmp_path: Path) -> None:
    page = opened(browser, tmp_path, render_plan(showcase()), width=DESKTOP)
    summaries = page.value("document.querySelectorAll('summary').length")
    assert summaries >= 6
    assert page.value("[...document.querySelectorAll('summary, a')].every(element => element.tabIndex === 0)")
    named = "[...document.querySelectorAll('summary')].every(element => element.innerText.trim().length > 2)"
    assert page.value(named)
    page.value("document.querySelector('summary').focus()")
    assert page.value("document.activeElement.localName") == "summary"
    page.close()


def test_on_paper_everything_is_unfolded(browser: Chromium, tmp_path: Path) -> None:
    text = "".join(f"line {number}\n" for number in range(600))
    one = change(fields=[field(["instructions"], before=text, after=text.upper())])
    folded = opened(browser, tmp_path, render_plan(plan(one)), width=DESKTOP)
    assert folded.value("document.querySelector('.long').open") is False
    pages = folded.printed().count(b"/Type /Page\n")
    folded.close()
    short = opened(browser, tmp_path, render_plan(plan(change())), width=DESKTOP)
    assert short.printed().count(b"/Type /Page\n") == 1
    short.close()
    assert pages > 10


@pytest.mark.skipif(os.environ.get("RECONCILER_SCREENSHOTS") != "1", reason="RECONCILER_SCREENSHOTS=1 takes pictures")
def test_the_pictures_of_the_documentation_are_taken(browser: Chromium, tmp_path: Path) -> None:
    IMAGES.mkdir(exist_ok=True)
    for name, width, height, dark, shown in (
        ("plan-desktop-light", DESKTOP, 1400, False, "header"),
        ("plan-desktop-dark", DESKTOP, 1100, True, "#change-4"),
        ("plan-phone-light", PHONE, 1200, False, "header"),
        ("plan-phone-dark", PHONE, 1200, True, "#change-4"),
    ):
        page = opened(browser, tmp_path, render_plan(showcase()), width=width, dark=dark)
        page.resize(width, height, mobile=width < 600)
        page.value(f"document.querySelector('{shown}').scrollIntoView()")
        (IMAGES / f"{name}.png").write_bytes(page.screenshot(whole=False))
        page.close()
