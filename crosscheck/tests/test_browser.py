"""The HTML report in a browser: Debian's chromium, driven by Playwright. Opened as files, without a network."""

import pytest

from crosscheck.report.html import write_html
from crosscheck.report.lists import mutation_page

from .pages import OF_COLORS, WIDTHS, assert_accessible, cut, in_a_browser, opened
from .test_html import COVERAGE, MUTANTS, small_report, write_site

pytestmark = [pytest.mark.xdist_group("browser"), in_a_browser]
THEMES = ("light", "dark")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("browser")
    write_html(small_report(coverage=COVERAGE), folder / "lists", mutation_page(MUTANTS))
    return write_site(folder)


def pages(site):
    return sorted(
        [*site.rglob("*.html"), site.parent / "lists" / "coverage.html", site.parent / "lists" / "mutation.html"]
    )


def visible_rows(page):
    return page.locator(".matrix tbody tr:not(.group):visible").evaluate_all("rows => rows.map(row => row.id)")


@pytest.mark.parametrize(
    ("theme", "width", "rules"), [("light", 1280, ()), ("dark", 1280, OF_COLORS), ("light", 390, ())]
)
def test_axe_finds_nothing(browser, site, theme, width, rules):
    with opened(browser, width, color_scheme=theme) as page:
        for path in pages(site) if width == 1280 else [site / "index.html", site / "computations" / "square.html"]:
            page.goto(path.as_uri())
            cut(page, rows=12)  # each state of a cell has its color
            assert_accessible(page, rules)


@pytest.mark.parametrize("width", WIDTHS)
def test_no_page_is_wider_than_the_window(browser, site, width):
    with opened(browser, width) as page:
        for path in pages(site):
            page.goto(path.as_uri())
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path.name


def test_no_cell_of_the_matrix_is_cut_off(browser, site):
    for width in WIDTHS:
        with opened(browser, width) as page:
            page.goto((site / "index.html").as_uri())
            cut = page.locator(".matrix td").evaluate_all(
                "cells => cells.filter(c => c.scrollWidth > c.clientWidth + 1).map(c => c.textContent)"
            )
            assert cut == [], width


def test_filters(browser, site):
    with opened(browser) as page:
        page.goto((site / "index.html").as_uri())
        everything = visible_rows(page)
        assert {"square", "softmax_simple", "square_of_an_array"} <= set(everything)
        page.locator("select[name=state]").select_option("failed")
        assert visible_rows(page) == ["square"]
        assert page.locator("output").text_content() == f"1 of {len(everything)} computations"
        assert page.url.endswith("#state=failed")
        page.locator("select[name=framework]").select_option("stage1")  # in which nothing failed
        assert visible_rows(page) == []
        page.get_by_role("button", name="Reset").click()
        assert visible_rows(page) == everything
        page.get_by_label("Find").fill("x^2")  # in the description, not in the name
        assert "square" in visible_rows(page)
        assert "softmax_simple" not in visible_rows(page)
        page.get_by_label("Find").fill("")
        page.locator("select[name=dtype]").select_option("float32")
        assert "square_of_an_array" not in visible_rows(page)  # float64 only
        assert page.locator('#square [data-dtype="float64"]:visible').count() == 0
        assert page.locator('#square [data-dtype="float32"]:visible').count() > 0
        assert page.locator("tbody:visible").count() < page.locator("tbody").count()


def test_a_tile_filters_and_a_link_keeps_the_filter(browser, site):
    with opened(browser) as page:
        page.goto((site / "index.html").as_uri())
        page.locator(".tiles a.differs").click()
        assert visible_rows(page) == ["square_of_an_array"]
        page.goto((site / "index.html").as_uri() + "#state=failed&text=squ")
        page.reload()
        assert visible_rows(page) == ["square"]
        assert page.get_by_label("Find").input_value() == "squ"


def test_the_pages_work_by_keyboard(browser, site):
    with opened(browser) as page:
        page.goto((site / "index.html").as_uri())
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to content"
        assert page.evaluate("document.activeElement.getBoundingClientRect().left") >= 0
        page.keyboard.press("Enter")
        assert page.url.endswith("#main")
        page.keyboard.press("/")
        page.keyboard.type("softmax")
        assert visible_rows(page) == ["softmax_simple"]
        page.keyboard.press("Escape")
        assert len(visible_rows(page)) > 1
        page.get_by_role("link", name="square", exact=True).last.focus()
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        page.keyboard.press("Enter")
        page.wait_for_url("**/square.html")
        assert outline == "solid"
        assert page.locator("h1").text_content() == "square"


def test_every_scrolling_region_can_be_reached_by_keyboard(browser, site):
    with opened(browser, 390) as page:
        for path in pages(site):
            page.goto(path.as_uri())
            stuck = page.evaluate(
                """() => [...document.querySelectorAll("main *")].filter(e =>
                    e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX === "auto" && e.tabIndex < 0
                ).map(e => e.outerHTML.slice(0, 80))"""
            )
            assert stuck == [], path.name


def colors(page):
    return page.evaluate(
        """() => ["body", "pre", "pre .k", "mark", ".graph .function", ".failed"].map(s => {
            const e = document.querySelector(s);
            const style = e && getComputedStyle(e);
            return style && [style.color, style.backgroundColor, style.fill].join(" ");
        })"""
    )


def test_the_theme_is_chosen_by_the_system_or_by_the_button(browser, site):
    square = (site / "computations" / "square.html").as_uri()
    by_system = {}
    for theme in THEMES:
        with opened(browser, color_scheme=theme) as page:
            page.goto(square)
            by_system[theme] = colors(page)
    assert all(light != dark for light, dark in zip(*by_system.values(), strict=True))
    for theme, other in zip(THEMES, reversed(THEMES), strict=True):
        with opened(browser, color_scheme=other) as page:
            page.goto((site / "index.html").as_uri())
            button = page.locator("#theme")
            while button.text_content() != f"Theme: {theme}":
                button.click()
            page.goto(square)  # another page keeps the theme
            assert colors(page) == by_system[theme]


def test_code_is_dark_on_light_or_light_on_dark(browser, site):
    brightness = """() => ["color", "backgroundColor"].map(name =>
        getComputedStyle(document.querySelector("pre"))[name].match(/[0-9.]+/g).slice(0, 3)
            .reduce((sum, c) => sum + Number(c), 0))"""
    for theme in THEMES:
        with opened(browser, color_scheme=theme) as page:
            page.goto((site / "computations" / "square.html").as_uri())
            ink, paper = page.evaluate(brightness)
            assert (ink < paper) == (theme == "light")


def test_a_printed_page_is_light_and_complete(browser, site):
    with opened(browser, color_scheme="dark") as page:
        page.goto((site / "computations" / "softmax_simple.html").as_uri())
        page.emulate_media(media="print")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert not page.locator(".top nav").is_visible()
        hidden = "d => d.filter(e => !e.lastElementChild.checkVisibility({contentVisibilityAuto: true})).length"
        assert page.locator("details").evaluate_all(hidden) == 0
        page.goto((site / "index.html").as_uri())
        assert not page.locator("#filters").is_visible()
        assert page.locator(".matrix").is_visible()


def test_without_javascript_everything_is_shown(browser, site):
    with opened(browser, java_script_enabled=False) as page:
        page.goto((site / "index.html").as_uri())
        assert not page.locator("#filters").is_visible()
        assert page.locator("#square").is_visible()
        page.locator("#square a").click()
        assert page.locator("h1").text_content() == "square"
