"""The site: its pages, links, languages and differences; in a browser, without a network."""

import re
from html.parser import HTMLParser

import pytest

from crosscheck import cli, lessons, steps
from crosscheck.report.hunks import as_html, changed_words, colored, difference, pieces
from crosscheck.site import builder
from crosscheck.stages import STAGES

from .test_browser import CHROMIUM, WIDTHS, browser, opened  # noqa: F401 (a fixture)

pytestmark = pytest.mark.xdist_group("site")
in_a_browser = pytest.mark.skipif(CHROMIUM is None, reason="no browser: apt install chromium")
STEPS = [f"step{step:02}" for step in range(1, 61)]
KINDS = ("index", "stage3", "step05", "step32", "diff23", "rosetta", "wrong")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site") / "pages"
    assert cli.main(["site", str(folder)]) == 0
    return folder


def read(path):
    return path.read_text(encoding="utf-8")


class Links(HTMLParser):
    """Collects the addresses and ids of a page."""

    def __init__(self, text):
        super().__init__()
        self.links, self.ids, self.language = [], set(), ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.language = found.get("lang", "") if tag == "html" else self.language
        self.ids.add(found.get("id"))
        self.links += [found[name] for name in ("href", "src") if found.get(name)]


def test_every_page_is_there_in_every_language(site):
    names = [
        "index",
        "rosetta",
        "wrong",
        *(stage.name for stage in STAGES),
        "diff12",
        "diff23",
        "diff34",
        "diff45",
        *STEPS,
    ]
    expected = {builder.url(name, language) for name in names for language in builder.LANGUAGES}
    assert {path.name for path in site.glob("*.html")} == expected
    assert sum(path.stat().st_size for path in site.iterdir()) < 25e6


def test_no_link_is_dead_and_none_needs_a_network(site):
    parsed = {path.name: Links(read(path)) for path in site.glob("*.html")}
    for name, page in parsed.items():
        assert page.language == (name.split(".")[1] if name.count(".") == 2 else "en")
        for link in page.links:
            if link.startswith(("https://", "data:")):
                continue
            target, _, anchor = link.partition("#")
            assert (site / (target or name)).is_file(), f"{name}: {link}"
            assert not anchor or anchor in parsed[target or name].ids, f"{name}: {link}"


def test_a_step_shows_its_lesson_its_changes_its_script_and_pytorch(site):
    text = read(site / "step34.html")
    lesson = next(one for one in lessons.lessons(STAGES[2]) if one.step == 34)
    plain = re.sub(r"<[^>]+>", "", text)
    assert "so two one-line formulas give" in plain
    assert all(name in plain for name in lesson.names if name in lessons.stage_definitions(STAGES[2]))
    assert "torch.sin" in plain
    assert 'rel="prev" href="step33.html"' in text
    assert 'rel="next" href="step35.html"' in text
    assert "<svg" in read(site / "step07.html") or not builder.graphs.draw({"x": 'digraph g {1 [label="x"]}'})


def test_the_difference_of_two_stages_has_each_lesson_beside_its_changes(site):
    text = read(site / "diff23.html")
    chapter = text[text.index('id="step32"') : text.index('id="step33"')]
    assert "Gradients become Variables" in chapter
    assert "functions.arithmetic.Mul.backward" in chapter
    assert "functions.elementwise.Sin" not in chapter


def test_translations_are_used_and_english_is_marked(monkeypatch):
    lesson = lessons.Lesson(1, "Title", "A `why`", titles={"ja": "題"}, whys={"ja": "`x` の理由"})
    assert builder.title(lesson, "ja") == "題"
    assert builder.title(lesson, "zh") == "Title"
    assert builder.why(lesson, "ja").html == "<code>x</code> の理由"
    assert builder.why(lesson, "zh") == builder.Text("A `why`", "en")
    assert all(set(words) == set(builder.WORDS["en"]) for words in builder.WORDS.values())


def test_both_sides_are_colored_whole():
    before = 'def f():\n    """A docstring\n    for x in y: it\'s prose.\n    """\n    return 1\n'
    after = before.replace("prose", "words").replace("return 1", "return 2")
    lines = difference(before, after)
    assert [line.sign for line in lines] == [" ", " ", "-", "+", " ", "-", "+"]
    assert "err" not in as_html(lines)
    assert '<span class="sd">    for x in y: it&#39;s </span><b><span class="sd">words</span></b>' in lines[3].code
    assert as_html(lines).count("\n") == 6
    assert difference(None, "x = 1\n")[0].sign == "+"
    assert [line.sign for line in difference("a\n" * 30 + "b", "c\n" + "a\n" * 30)].count("@") == 1


def test_words_that_changed():
    assert changed_words("f(x, y)", "f(x, z)") == ([(5, 6)], [(5, 6)])
    assert changed_words("return a", "raise SystemExit") == ([], [])
    [line] = pieces("f(1)")
    assert colored(line, [(2, 3)]) == 'f(<b><span class="mi">1</span></b>)'


def test_old_pages_go_and_other_files_stay(tmp_path, monkeypatch):
    (tmp_path / "step99.html").write_text(f"{builder.GENERATOR} of an earlier version")
    (tmp_path / "mine.html").write_text("mine")
    monkeypatch.setattr(builder, "pages", lambda: [builder.home(STAGES[:1])])
    builder.build(tmp_path)
    pages = {builder.url("index", language) for language in builder.LANGUAGES}
    assert {path.name for path in tmp_path.glob("*.html")} == {*pages, "mine.html"}


@pytest.mark.parametrize("path", sorted(builder.WRONG.glob("*.py")), ids=lambda path: path.stem)
def test_a_wrong_version_gives_the_numbers_that_it_shows(path):
    done = steps.run_script(path)
    assert done.returncode == 0, done.stderr
    pairs, problems = steps.match(steps.expectations(read(path)), done.stdout)
    assert problems == []
    assert len(pairs) >= 2


@in_a_browser
@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 1280), ("light", 390)])
def test_axe_finds_nothing(browser, site, theme, width):  # noqa: F811
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install axe-playwright-python")
    with opened(browser, width, color_scheme=theme) as page:
        for name in KINDS:
            page.goto((site / f"{name}.html").as_uri())
            found = axe.Axe().run(page, options={"preload": False})  # it would fetch style.css
            assert found.violations_count == 0, f"{name}: {found.generate_report()}"


@in_a_browser
@pytest.mark.parametrize("width", WIDTHS)
def test_no_page_is_wider_than_the_window(browser, site, width):  # noqa: F811
    with opened(browser, width) as page:
        for name in (*KINDS, "stage5", "step57", "diff12", "index.zh", "step32.ja"):
            page.goto((site / f"{name}.html").as_uri())
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name


@in_a_browser
def test_search_and_keys(browser, site):  # noqa: F811
    with opened(browser) as page:
        page.goto((site / "step32.html").as_uri())
        page.keyboard.press("ArrowRight")
        page.wait_for_url("**/step33.html")
        page.keyboard.press("ArrowLeft")
        page.wait_for_url("**/step32.html")
        page.keyboard.press("/")
        page.keyboard.type("newton method")
        assert "Newton" in page.locator("#found a").first.text_content()
        page.keyboard.press("Escape")
        assert page.locator("#found").is_hidden()
        page.keyboard.press("/")
        page.keyboard.type("Recurrence")
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile(r"stage5\.html"))
        page.wait_for_load_state()
        page.goto((site / "index.ja.html").as_uri())
        page.keyboard.press("/")
        page.keyboard.type("ステップ 32")
        assert page.locator("#found a").count() >= 1
