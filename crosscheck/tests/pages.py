"""Pages in a browser: Debian's chromium, driven by Playwright. Opened as files, without a network."""

import contextlib
import shutil

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
WIDTHS = {1280: 800, 390: 844}
OF_COLORS = ("color-contrast", "link-in-text-block")  # the rules whose result depends on the theme
in_a_browser = pytest.mark.skipif(CHROMIUM is None, reason="no browser: apt install chromium")


@contextlib.contextmanager
def opened(browser, width=1280, **options):
    """A page that records console messages, errors, and requests that are not for a file."""
    context = browser.new_context(viewport={"width": width, "height": WIDTHS[width]}, **options)
    context.set_default_timeout(120_000)  # a slow machine is no failure, but nothing waits forever
    page = context.new_page()
    trouble = []

    def failed(request):
        if request.failure != "net::ERR_ABORTED":  # by the next page, before a picture further down was there
            trouble.append(f"{request.failure}: {request.url}")

    page.on("console", lambda message: trouble.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: trouble.append(f"error: {error}"))
    page.on("requestfailed", failed)
    page.on("request", lambda r: r.url.startswith(("file:", "data:")) or trouble.append(f"request: {r.url}"))
    yield page
    context.close()
    assert not trouble, "\n".join(trouble)


def cut(page, rows=4):
    """Keep the first rows of each table and the first parts of each page: the others have the same structure."""
    page.evaluate(
        """rows => {
            const keep = (all, n) => [...all].slice(n).forEach(e => e.remove());
            document.querySelectorAll("pre code").forEach(code => keep(code.children, 12));
            document.querySelectorAll("tbody").forEach(body => keep(body.rows, rows));
            document.querySelectorAll("table").forEach(table => keep(table.tBodies, 3));
            document.querySelectorAll("dl, ul, ol").forEach(list => keep(list.children, 6));
            document.querySelectorAll("svg").forEach(drawing => keep(drawing.children, 12));
            keep(document.querySelectorAll(".chapter"), 2);
            keep(document.querySelectorAll(".example, article.change"), 2);
        }""",
        rows,
    )


def assert_accessible(page, rules=()):
    """Assert that axe-core finds nothing in the page. rules: only these."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install axe-playwright-python")
    options = {"preload": False}  # it would fetch style.css
    if rules:
        options["runOnly"] = list(rules)
    found = axe.Axe().run(page, options=options)
    assert found.violations_count == 0, f"{page.url}: {found.generate_report()}"
