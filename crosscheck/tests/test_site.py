"""The site: its pages, links, languages and differences; in a browser, without a network."""

import html
import importlib
import itertools
import re
import subprocess
from html.parser import HTMLParser

import pytest

from crosscheck import cli, lessons, steps
from crosscheck.computations import all_computations
from crosscheck.ledger import Ledger
from crosscheck.report.hunks import as_html, changed_words, colored, difference, pieces
from crosscheck.site import builder, coming, course, drawing, evidence, figures, traces
from crosscheck.site.page import Text, title, why
from crosscheck.stages import STAGES

from .pages import OF_COLORS, WIDTHS, assert_accessible, cut, in_a_browser, opened

pytestmark = pytest.mark.xdist_group("site")
STEPS = [f"step{step:02}" for step in range(1, 61)]
COMING = [f"from-{name}" for name in ("book", "d2l", "weidman", "tensorflow", "pytorch", "micrograd")]
OTHERS = [
    "rosetta",
    "wrong",
    "graphs",
    "matrix",
    "examples",
    "benchmarks",
    "appendix_a",
    "appendix_b",
    "coming",
    *COMING,
    *(f"column{stage.number}" for stage in STAGES),
]
KINDS = (
    "index",
    "stage3",
    "step16",
    "step32",
    "diff23",
    *OTHERS[:7],
    "coming",
    "column2",
    "from-weidman",
    "from-pytorch",
)
COLORS = ("step32", "diff23", "graphs", "benchmarks", "matrix")  # kinds of page with colors of their own


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site") / "pages"
    assert cli.main(["site", str(folder), "--no-figures"]) == 0
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


def test_what_is_not_translated_is_marked(site):
    """Paragraphs without a translation by their lesson, pages in English at their top."""
    for language, mark in (("zh", "本页正文尚无中文版"), ("ja", "日本語になっていません")):
        for name in ("wrong", "column1", "stage3", "graphs", "examples", "benchmarks", "from-pytorch", "appendix_a"):
            text = (site / f"{name}.{language}.html").read_text(encoding="utf-8")
            assert text.count(mark) == 1, name
            assert 'lang="en"' in text
        assert mark not in (site / f"step14.{language}.html").read_text(encoding="utf-8")
    assert "in English.</small>" not in (site / "wrong.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(("name", "dark"), [("index", "dark"), ("index.zh", "深色"), ("index.ja", "ダーク")])
def test_the_button_of_the_theme_is_in_the_language_of_the_page(site, name, dark):
    assert re.search(f'data-dark="[^"]*{dark}"', read(site / f"{name}.html"))


def test_every_page_is_there_in_every_language(site):
    names = [
        "index",
        *OTHERS,
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
    assert html.unescape(plain).count(lesson.why.replace("`", "")) == 1
    assert all(name in plain for name in lesson.names if name in lessons.stage_definitions(STAGES[2]))
    assert "torch.sin" in plain
    assert 'rel="prev" href="step33.html"' in text
    assert 'rel="next" href="step35.html"' in text
    assert "<svg" in read(site / "step07.html") or not course.graphs.draw({"x": 'digraph g {1 [label="x"]}'})


def test_the_difference_of_two_stages_has_each_lesson_beside_its_changes(site):
    text = read(site / "diff23.html")
    chapter = text[text.index('id="step32"') : text.index('id="step33"')]
    why = next(one for one in lessons.lessons(STAGES[2]) if one.step == 32).why.replace("`", "")
    assert why in html.unescape(re.sub(r"<[^>]+>", "", chapter))
    assert "functions.arithmetic.Mul.backward" in chapter
    assert "functions.elementwise.Sin" not in chapter


def test_a_difference_says_which_names_and_computations_are_new(site):
    text = read(site / "diff23.html")
    chapter = text[text.index('id="step32"') : text.index('id="step33"')]
    assert "core.unrecorded(data)" in chapter
    assert "core.Variable.backward(self, retain_grad=False) -&gt; (self, retain_grad=False, create_graph" in chapter
    assert '<a href="matrix.html#graph_of_a_gradient">' in chapter


def test_the_matrix_has_every_computation_with_its_declared_state(site):
    text = read(site / "matrix.html")
    for one in all_computations():
        row = text[text.index(f'<tr id="{one.name}">') :].partition("</tr>")[0]
        states = re.findall(r'<td class="(\w+)">', row)
        assert states[: one.since - 1] == ["unsupported"] * (one.since - 1)
        assert "unsupported" not in states[one.since - 1 :]
        assert len(states) == 6
    assert Ledger.read().distances["goldstein_price"]
    assert "·" in text[text.index('<tr id="goldstein_price">') :].partition("</tr>")[0]


def test_benchmarks_are_plots_of_the_tables():
    root = STAGES[0].folder.parent
    stages, columns = evidence.series_of((root / "PERFORMANCE.md").read_text(encoding="utf-8"))
    by_name = {row.name: row.values for row in stages}
    assert [stage for stage, _ in by_name["goldstein_price"]] == [2, 3, 4, 5]
    assert "geometric mean over all stages" not in by_name
    assert {label for row in columns for label, _ in row.values} <= {1, 2}
    page = evidence.benchmarks_page(root)
    assert page.data["en"]["html"].count("<svg") == 2
    assert evidence.numbers("0.48 / 0.9") == [0.48, 0.9]
    assert evidence.numbers("memory traffic") == evidence.numbers("") == []


def test_an_example_has_its_picture(tmp_path, monkeypatch):
    monkeypatch.setattr(evidence, "pictures", lambda stage, name: [tmp_path / f"{name}.png"])
    (tmp_path / "spiral.png").write_bytes(b"picture")
    page = evidence.examples_page(STAGES[-1])
    by_name = {one["name"]: one for one in page.data["en"]["examples"]}
    assert (by_name["spiral"]["picture"], by_name["vae"]["picture"]) == ("example-spiral.png", "")
    assert page.files == {"example-spiral.png": b"picture"}
    assert "common" not in by_name
    monkeypatch.setattr(builder, "pages", lambda with_figures: [page])
    builder.build(tmp_path / "site")
    assert (tmp_path / "site" / "example-spiral.png").read_bytes() == b"picture"


def test_steps_have_their_figures(monkeypatch):
    assert figures.figures([5]) == {}  # it draws nothing
    found = figures.figures_of(4)
    assert found
    assert all(content.startswith(b"\x89PNG") for content in found.values())
    lesson = next(one for one in lessons.lessons(STAGES[0]) if one.step == 4)
    page = course.step_page(STAGES[0], lesson, [], {}, [], {"x.png": b"a", "step04.png": b"b"}, None, None)
    assert page.files == {"step04-x.png": b"a", "step04.png": b"b"}
    text = builder.render([page])["step04.html"].decode()
    assert text.count("<img ") == 2
    assert 'src="step04-x.png" alt="Step 4: ' in text

    def forever(*arguments, **options):
        raise subprocess.TimeoutExpired("python", options["timeout"])

    monkeypatch.setattr(figures, "run_script", forever)
    assert figures.figures([4]) == {4: {}}


def test_names_of_other_books_lead_to_pages(site):
    text = read(site / "from-d2l.html")
    assert re.search(r'<a href="step\d\d.html"><code>stage\d_\w+/steps/step\d\d.py', text)
    assert re.search(r'<a href="rosetta.html#\w+">', text)
    assert '<a href="step14.html">14</a>' in read(site / "from-micrograd.html")
    assert '<a href="step44.zh.html">44</a> and <a href="step45.zh.html">45</a>' in read(
        site / "from-micrograd.zh.html"
    )


@pytest.mark.parametrize("name", ["micrograd", "pytorch"])
def test_the_code_of_a_page_prints_the_output_shown(name, tmp_path):
    source = "\n".join(re.findall(r"```python\n(.*?)```", read(coming.FOLDER / f"{name}.md"), re.DOTALL))
    script = tmp_path / "page.py"
    script.write_text(source)
    done = steps.run_script(script)
    assert done.returncode == 0, done.stderr
    pairs, problems = steps.match(steps.expectations(source), done.stdout)
    assert (problems, len(pairs) > 0) == ([], True)


# --- recorded graphs ---


@pytest.fixture(scope="module")
def recorded():
    return {trace.name: trace for trace in traces.traces()}


def test_a_recording_ends_with_the_gradients_of_the_framework(recorded):
    assert len(recorded) == 7
    for trace in recorded.values():
        assert trace.final
        left = {node: text for event in trace.events for node, text in event.grads}
        found = {trace.nodes[node].label: text for node, text in left.items() if text is not None}
        expected = {name: traces.text_of(getattr(grad, "data", grad)) for name, grad in trace.final.items()}
        assert {name: found[name] for name in expected} == expected


def test_a_pass_runs_through_the_functions_by_generation_and_adds_their_parts(recorded):
    for trace in recorded.values():
        generations = []
        for event in trace.events:
            generations = [] if event.kind == "start" else generations
            if event.kind == "backward":
                generations.append(event.generation)
                assert generations == sorted(generations, reverse=True), trace.name
    x = recorded["step14"].nodes[0]
    sums = [text for event in recorded["step14"].events for node, text in event.sums if node == x.number]
    assert (x.label, sums) == ("x", ["1 + 1 = 2", "2 + 1 = 3"])
    branches = [event for event in recorded["step16"].events if event.kind == "backward"]
    assert [event.generation for event in branches] == [2, 1, 1, 0]
    assert any("8 + 8 = 16" in text for event in branches for _, text in event.sums)


def test_the_recorder_leaves_the_framework_as_it_was(recorded):
    core = importlib.import_module("stage1_autodiff.core")
    assert core.Function.__call__.__qualname__ == "Function.__call__"
    assert core.Variable.backward.__qualname__ == "Variable.backward"


def test_no_node_of_a_drawing_covers_another_and_edges_lead_down(recorded):
    for trace in recorded.values():
        texts = {node.number: drawing.lines(node, "") for node in trace.nodes}
        boxes, chains = drawing.layered(trace, texts)
        drawing.place(boxes, chains)
        for one, other in itertools.combinations(boxes.values(), 2):
            apart = abs(one.x - other.x) - (one.width + other.width) / 2 > -1e-6
            assert apart or abs(one.y - other.y) >= (one.height + other.height) / 2, (trace.name, one, other)
        for chain in chains:
            heights = [boxes[key].y for key in chain]
            assert heights == sorted(set(heights))


def test_a_drawing_has_values_gradients_shapes_and_generations(recorded):
    svg = drawing.draw(recorded["step42"])
    assert all(text in svg for text in (">W (1, 1) · 0<", ">[4]<", ">∂ [-3]<", ">MeanSquaredError · 2<"))
    assert svg.count("data-edge") == len(recorded["step42"].edges)


@in_a_browser
def test_a_player_steps_through_a_program(browser, site):
    with opened(browser) as page:
        page.goto((site / "step14.html").as_uri())
        figure = page.locator("#graph-step14")
        gradient = figure.locator("[data-node='0'] .gradient")
        assert gradient.text_content() == "∂ 3"
        figure.locator("[data-do=start]").click()
        assert figure.locator("output").text_content() == "0 / 6"
        assert figure.locator("[data-node].later").count() == 5
        for _ in range(4):
            page.keyboard.press("ArrowRight")
        assert page.url.endswith("step14.html")  # the arrows are those of the player
        assert gradient.text_content() == "∂ 1"
        figure.locator("[data-do=forward]").click()
        assert figure.locator(".said").text_content().endswith("accumulated, x: 1 + 1 = 2; x: 2 + 1 = 3")
        assert gradient.text_content() == "∂ 3"
        figure.locator("[data-do=back]").click()
        figure.locator("[data-do=play]").click()
        page.wait_for_function("document.querySelector('#graph-step14 output').textContent === '6 / 6'")
        assert figure.locator("[data-do=play]").text_content() == "Play"


def test_translations_are_used_and_english_is_marked(monkeypatch):
    lesson = lessons.Lesson(1, "Title", "A `why`", titles={"ja": "題"}, whys={"ja": "`x` の理由"})
    assert title(lesson, "ja") == "題"
    assert title(lesson, "zh") == "Title"
    assert why(lesson, "ja").html == "<code>x</code> の理由"
    assert why(lesson, "zh") == Text("A `why`", "en")
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
    monkeypatch.setattr(builder, "pages", lambda with_figures: [course.home(STAGES[:1])])
    builder.build(tmp_path)
    pages = {builder.url("index", language) for language in builder.LANGUAGES}
    assert {path.name for path in tmp_path.glob("*.html")} == {*pages, "mine.html"}


@pytest.mark.parametrize("path", sorted(course.WRONG.glob("*.py")), ids=lambda path: path.stem)
def test_a_wrong_version_gives_the_numbers_that_it_shows(path):
    done = steps.run_script(path)
    assert done.returncode == 0, done.stderr
    pairs, problems = steps.match(steps.expectations(read(path)), done.stdout)
    assert problems == []
    assert len(pairs) >= 2


@in_a_browser
@pytest.mark.parametrize(
    ("theme", "width", "names", "rules"),
    [("light", 1280, KINDS, ()), ("dark", 1280, COLORS, OF_COLORS), ("light", 390, ("step32", "matrix"), ())],
)
def test_axe_finds_nothing(browser, site, theme, width, names, rules):
    with opened(browser, width, color_scheme=theme) as page:
        for name in names:
            page.goto((site / f"{name}.html").as_uri())
            cut(page)
            assert_accessible(page, rules)


@in_a_browser
def test_a_picture_that_is_missing_is_trouble(browser, tmp_path):
    (tmp_path / "page.html").write_text('<img src="none.png">', encoding="utf-8")
    with pytest.raises(AssertionError, match=r"net::ERR_FILE_NOT_FOUND: file:.*none\.png"), opened(browser) as page:
        page.goto((tmp_path / "page.html").as_uri())


@in_a_browser
@pytest.mark.parametrize("width", WIDTHS)
def test_no_page_is_wider_than_the_window(browser, site, width):
    with opened(browser, width) as page:
        for name in (*KINDS, "stage5", "step57", "diff12", "index.zh", "step32.ja"):
            page.goto((site / f"{name}.html").as_uri())
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name


@in_a_browser
def test_the_theme_of_the_system_and_that_of_the_button_have_the_same_colors(browser, site):
    found = {}
    for scheme in ("light", "dark"):
        with opened(browser, color_scheme=scheme) as page:
            for name in ("step32", "graphs"):
                page.goto((site / f"{name}.html").as_uri())
                for theme in ("system", scheme):
                    page.locator("#theme").click() if theme != "system" else None
                    while page.locator("#theme").text_content() != f"Theme: {theme}":
                        page.locator("#theme").click()
                    colors = page.evaluate(
                        """() => ["body", "pre", "pre .k", ".plus b", ".function rect", ".gradient"].map(name => {
                            const found = document.querySelector(name);
                            const style = found && getComputedStyle(found);
                            return found && [style.color, style.backgroundColor, style.fill].join();
                        })"""
                    )
                    assert found.setdefault((name, scheme), colors) == colors
                while page.locator("#theme").text_content() != "Theme: system":
                    page.locator("#theme").click()
    for name in ("step32", "graphs"):
        for light, dark in zip(found[name, "light"], found[name, "dark"], strict=True):
            assert light is None or light != dark, name


@in_a_browser
def test_a_printed_page_is_light_and_complete(browser, site):
    with opened(browser, color_scheme="dark") as page:
        for name in ("step16", "matrix", "graphs"):
            page.goto((site / f"{name}.html").as_uri())
            page.emulate_media(media="print")
            assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
            for hidden in (".top nav", "#search", "#theme", ".languages", ".controls", "#rows"):
                assert page.locator(f"{hidden}:visible").count() == 0, (name, hidden)
            assert page.locator("h1").is_visible()
            assert page.locator("pre, table, svg").first.is_visible()


@in_a_browser
def test_the_page_of_a_difference(browser, tmp_path, capsys):
    for name, options in (("columns", ["--side-by-side"]), ("slide", ["--slide"])):
        assert cli.main(["diff", "1", "2", "--step", "16", "--format", "html", *options]) == 0
        (tmp_path / f"{name}.html").write_text(capsys.readouterr().out, encoding="utf-8")
    for width in WIDTHS:
        with opened(browser, width, color_scheme="dark" if width == 390 else "light") as page:
            for name in ("columns", "slide"):
                page.goto((tmp_path / f"{name}.html").as_uri())
                assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (name, width)
                assert_accessible(page)


@in_a_browser
def test_search_and_keys(browser, site):
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
        for words in ("ステップ 32", "計算グラフの可視化", "高階微分実装"):  # the last is not one word on any page
            page.locator("#words").fill(words)
            assert page.locator("#found a").count() >= 1, words
        page.locator("#words").fill("高階猫犬")
        assert page.locator("#found a").count() == 0


@in_a_browser
def test_the_matrix_is_filtered(browser, site):
    with opened(browser) as page:
        page.goto((site / "matrix.html").as_uri())
        visible = "rows => rows.filter(row => row.checkVisibility()).map(row => row.id)"
        rows = page.locator(".matrix tbody tr:not(.group)")
        page.locator("#rows input").fill("goldstein_price")
        assert "goldstein_price" in rows.evaluate_all(visible)
        page.locator("#rows select[name=state]").select_option("unsupported")
        page.locator("#rows select[name=column]").select_option("1")  # stage 2
        assert rows.evaluate_all(visible) == []
        page.locator("#rows select[name=column]").select_option("0")
        assert "goldstein_price" in rows.evaluate_all(visible)
        assert page.locator(".matrix tbody:visible").count() == 1
