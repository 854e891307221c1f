"""Pages in a browser: Debian's chromium, driven by Playwright. Opened as files, without a network."""

import contextlib
import shutil

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
WIDTHS = {1280: 800, 390: 844}
in_a_browser = pytest.mark.skipif(CHROMIUM is None, reason="no browser: apt install chromium")


@contextlib.contextmanager
def opened(browser, width=1280, **options):
    """A page that records console messages, errors, and requests that are not for a file."""
    context = browser.new_context(viewport={"width": width, "height": WIDTHS[width]}, **options)
    context.set_default_timeout(120_000)  # a slow machine is no failure, but nothing waits forever
    page = context.new_page()
    trouble = []
    page.on("console", lambda message: trouble.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: trouble.append(f"error: {error}"))
    page.on("requestfailed", lambda request: trouble.append(f"failed: {request.url}"))
    page.on("request", lambda r: r.url.startswith(("file:", "data:")) or trouble.append(f"request: {r.url}"))
    yield page
    context.close()
    assert trouble == []


def assert_accessible(page):
    """Assert that axe-core finds nothing in the page."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install axe-playwright-python")
    found = axe.Axe().run(page, options={"preload": False})  # it would fetch style.css
    assert found.violations_count == 0, f"{page.url}: {found.generate_report()}"
