"""The pages of the HTML report, as files: links, text, sources, graphs. tests/test_browser.py looks at them."""

import html.parser
import json
import pathlib
import re
from collections import Counter

import pytest
from pygments.styles import get_style_by_name
from pygments.token import Error, Whitespace

from crosscheck import UsageError, cli
from crosscheck.cells import Cell
from crosscheck.computations import all_computations
from crosscheck.coverage import Coverage, Name, Raise
from crosscheck.details import tidy
from crosscheck.frameworks import BookStyle
from crosscheck.report import Report, graphs, highlight
from crosscheck.report.html import TEMPLATES, write_html
from crosscheck.report.lists import read_mutants
from crosscheck.report.sources import Package, listing, versions
from crosscheck.report.words import apart, eps, said, sentence, spoken
from crosscheck.stages import STAGES

EXAMPLE = pathlib.Path(__file__).parents[1] / "examples" / "tiny.py"
SHOWN = "(square/ and not of_square and not a_square) or square_of_an_array or softmax_simple/ or training_linear"
COMPUTATIONS = {c.name: c for c in all_computations()}
TEXT = r"<[^>]+>"


def write_site(folder, *more):
    """A report with a wrong framework, and a difference, an error, a training run, an unsupported computation."""
    wrong = folder / "wrong.py"
    text = EXAMPLE.read_text().replace("2 * x * gy", "x * gy").replace('name = "tiny"', 'name = "wrong"')
    wrong.write_text(text)
    target = folder / "report"
    command = ["run", "-k", SHOWN, "-n", "0", "--framework", str(wrong), "--html", str(target)]
    assert cli.main([*command, "--json", str(folder / "run.json"), *more]) == 1
    return target


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    return write_site(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def square(site):
    return (site / "computations" / "square.html").read_text(encoding="utf-8")


class Links(html.parser.HTMLParser):
    """The targets of a page, and its ids."""

    def __init__(self, text):
        super().__init__()
        self.targets, self.ids = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name in ("href", "src", "srcset", "action", "xlink:href"):
                self.targets.append(value)
            if name == "id":
                self.ids.append(value)


def plain(text):
    return " ".join(html.unescape(re.sub(TEXT, " ", text)).split())


# --- the folder ---


def test_a_page_for_each_computation_and_no_dead_link(site):
    pages = {path: Links(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}
    names = {cell["computation"] for cell in json.loads((site.parent / "run.json").read_text())["cells"]}
    assert {path.stem for path in pages if path.parent != site} == names
    assert {path.name for path in pages if path.parent == site} == {"index.html", "training.html", "differences.html"}
    for path, found in pages.items():
        assert [name for name, n in Counter(found.ids).items() if n > 1] == [], path
        for target in found.targets:
            assert not re.match(r"\w+:|//", target) or target == "data:,", f"{path}: {target}"
            file, _, fragment = target.partition("#")
            there = (path.parent / file).resolve() if file else path
            if target == "data:,":
                continue
            assert there.is_file(), f"{path}: {target}"
            if fragment and "=" not in fragment:
                assert fragment in pages[there].ids, f"{path}: {target}"


def test_nothing_in_the_pages_asks_the_network(site):
    for path in site.rglob("*.*"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"https?://(?!www\.w3\.org/)|@import|url\((?!#)", text), path


def test_an_older_report_leaves_no_page_and_other_files_stay(tmp_path):
    cell = Cell(COMPUTATIONS["square"], "stage1", "float64")
    pages = tmp_path / "computations"
    pages.mkdir()
    (pages / "mine.html").write_text("<p>not of crosscheck</p>")
    write_html(Report({"stage1": ""}, 0, cells=[Cell(COMPUTATIONS["mul"], "stage1", "float64")]), tmp_path)
    assert (pages / "mul.html").exists()
    write_html(Report({"stage1": ""}, 0, cells=[cell]), tmp_path)
    assert sorted(path.name for path in pages.iterdir()) == ["mine.html", "square.html"]


def test_what_cannot_be_rendered_changes_no_file(tmp_path, monkeypatch):
    report = Report({"stage1": ""}, 0, cells=[Cell(COMPUTATIONS["square"], "stage1", "float64")])
    write_html(report, tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*")}
    monkeypatch.setattr("crosscheck.report.html.verdict", lambda report: 1 / 0)
    report.seed = 7
    with pytest.raises(ZeroDivisionError):
        write_html(report, tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.*")} == before


def test_a_folder_that_cannot_be_written_is_a_usage_error(tmp_path):
    (tmp_path / "computations").touch()
    with pytest.raises(UsageError, match=r"--html: .* cannot be written"):
        write_html(Report({"stage1": ""}, 0, cells=[Cell(COMPUTATIONS["square"], "stage1", "float64")]), tmp_path)


# --- the matrix ---


def test_failures_are_first_and_linked(site):
    page = (site / "index.html").read_text(encoding="utf-8")
    assert "<h1" in page
    assert "2 cells are not as declared" in plain(page)
    assert page.index('id="failures"') < page.index('id="matrix"')
    assert '<a href="computations/square.html#failures">square</a>' in page
    assert 'href="#state=failed"' in page


def test_a_row_says_the_states_of_its_cells(site):
    page = (site / "index.html").read_text(encoding="utf-8")
    row = page[page.index('<tr id="square_of_an_array"') :].partition("</tr>")[0]
    assert 'data-framework="stage1" data-cells="float64:error "' in row
    assert 'data-framework="stage2" data-cells="float64:differs "' in row
    row = page[page.index('<tr id="softmax_simple"') :].partition("</tr>")[0]
    assert 'data-framework="stage1" data-cells="float64:unsupported float32:unsupported "' in row


# --- a computation ---


def test_the_page_of_a_failed_computation_says_why_and_how_to_reproduce_it(square):
    assert square.index('id="failures"') < square.index('id="code-title"')
    text = plain(square)
    assert "central differences agree with PyTorch" in text
    assert "Reproduce: crosscheck show square/wrong/float64 --framework" in text


def test_the_computation_and_its_definitions_in_each_framework(square):
    text = plain(square).replace(" ", "")
    assert "defsquare(fw:Any,x:Any)" in text
    assert text.count("classSquare(Function)") == 3  # stage 1, stage 2, stages 3 to 5
    assert "Stages3to5" in text
    assert "torch.square(x)" in text
    assert "<mark>" in square  # lines that the next stage changed


def test_values_gradients_and_distances_of_one_input(square):
    text = plain(square)
    assert "initial gradient" in text
    assert "derivative of order 2" in text
    assert "Stages 1 to 5 and PyTorch float64, the same bits; without the last derivative in stages 1 and 2" in text
    assert "shape (2, 3)" in text


def test_messages_are_escaped(site):
    page = (site / "computations" / "square_of_an_array.html").read_text(encoding="utf-8")
    assert "<class 'numpy.ndarray'>" not in page
    assert "got &lt;class &#39;numpy.ndarray&#39;&gt;" in page


def test_the_differences_are_named_with_their_reasons(site):
    text = plain((site / "differences.html").read_text(encoding="utf-8"))
    assert "square_of_an_array square(array): stage 1 accepts only Variables. Stages 2 to 5 Accepts arrays" in text
    assert "softmax_simple (1,000 eps)" in text


def test_the_curves_are_drawn_in_the_colors_of_the_page(site):
    page = (site / "training.html").read_text(encoding="utf-8")
    drawing = page[page.index("<svg ") : page.index("</svg>")]
    assert all(f"var(--series-{i})" in drawing for i in (0, 1))
    assert not re.search(r"#[0-9a-f]{6}\b", drawing)


def test_only_html_collects_details_and_workers_send_the_same(tmp_path, capsys):
    pages = []
    for n in ("0", "1"):
        folder = tmp_path / n
        command = ["run", "-k", "square/ and float64", "--stages", "3,4", "--without-torch", "-n", n]
        assert cli.main([*command, "--html", str(folder)]) == 0
        pages.append((folder / "computations" / "square.html").read_text(encoding="utf-8"))
    unequal = r"\d+ cells in .* s, seed"
    assert re.sub(unequal, "", pages[0]) == re.sub(unequal, "", pages[1])
    assert "Values and gradients" in pages[0]
    capsys.readouterr()


# --- coverage, mutation testing ---

COVERAGE = Coverage(
    names={
        "stage1": {"functions.square": Name(["square"], order=1, torch=True), "utils.old": Name(reason="a <reason>")},
        "stage2": {
            "functions.square": Name(["square"], ["square_of_an_array"], True, 2, {"axis": "square", "eps": ""})
        },
    },
    raises={
        "stage1": [Raise("core.py:12", "core.Variable.__init__", "raise TypeError('<data>')", ["square"])],
        "stage2": [Raise("core.py:13", "core.Variable.__init__", "raise", reason="passed on by contextlib")],
    },
    missing=["stage2: no computation compares functions.<none>"],
)
MUTANT = {"place": "stage1/core.py:7", "definition": "Exp.backward", "operator": "drop a factor", "diff": "- a * b < c"}
MUTANT |= {"cell": "", "text": "", "reason": ""}
MUTANTS = {
    "seed": 3,
    "sample": None,
    "ended": "",
    "stages": {
        "stage1": {"mutants": 4, "left_out": {"a docstring": 5}, "score": 2 / 3, "detected": 2, "survived": 1}
        | {"equivalent": 1, "hangs": 0, "invalid": 0}
        | {
            "results": [
                *[MUTANT | {"result": "detected"}] * 2,
                MUTANT | {"result": "survived"},
                MUTANT | {"result": "equivalent", "reason": "the same array", "operator": "drop a copy"},
            ]
        },
    },
}


def shown(report, folder, mutants=None):
    """The texts of the pages, without their tags."""
    write_html(report, folder, mutants)
    return {path.name: plain(path.read_text(encoding="utf-8")) for path in folder.glob("*.html")}


def small_report(**options):
    cells = [Cell(COMPUTATIONS[name], "stage1", "float64") for name in ("square", "square_of_an_array")]
    return Report({"stage1": "1.0"}, 0, cells=cells, **options)


def test_the_coverage_has_a_page_with_gaps_first(tmp_path):
    pages = shown(small_report(coverage=COVERAGE), tmp_path)
    text = pages["coverage.html"]
    assert "1 gap in the coverage" in text
    assert text.index("no computation compares functions.<none>") < text.index("Public names")
    assert "2 of 3 public names compared" in text
    assert "1 of 2 defaults used" in text
    assert "1 of 2 raise statements met" in text
    assert "A <reason>. utils.old" in text
    assert "square stages 1 and 2 square 2 square_of_an_array" in text
    assert "core.py:12 core.Variable.__init__ raise TypeError('<data>') square" in text
    assert "Passed on by contextlib." in text
    assert "1 public name not covered" in pages["index.html"]


def test_a_report_in_part_has_no_page_of_coverage(tmp_path):
    assert "coverage.html" not in shown(small_report(), tmp_path)


def test_mutants_have_a_page_with_survivors_first(tmp_path):
    file = tmp_path / "mutants.json"
    file.write_text(json.dumps(MUTANTS))
    text = shown(small_report(), tmp_path / "site", read_mutants(file))["mutation.html"]
    assert "66.7 % of the planted bugs are detected" in text
    assert "Stage 1 4 2 1 1 0 0 66.7 %" in text
    assert text.index("stage1/core.py:7 drop a factor, in Exp.backward - a * b < c") < text.index("Equivalent mutants,")
    assert "The same array." in text
    assert "drop a copy 1" in text
    assert "A docstring. 5 mutants" in text


@pytest.mark.parametrize(
    ("text", "said"),
    [("{", "is not JSON"), ("[]", "expected the output"), ('{"stages": {"stage1": {}}}', "expected the output")],
)
def test_a_file_that_is_not_of_mutants_is_found_before_the_run(text, said, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(cli, "Pool", lambda *_: pytest.fail("the run began"))
    file = tmp_path / "mutants.json"
    file.write_text(text)
    arguments = ["run", "-k", "square/stage1", "--mutation", str(file)]
    assert cli.main([*arguments, "--html", str(tmp_path)]) == 2
    assert said in capsys.readouterr().err
    assert cli.main(arguments) == 2
    assert "--mutation is an option of --html" in capsys.readouterr().err


# --- sources ---


@pytest.fixture(scope="module")
def packages():
    return {stage.name: Package(stage.source) for stage in STAGES}


def test_every_computation_has_a_source_and_its_names_have_definitions(packages):
    names = set()
    for computation in COMPUTATIONS.values():
        found = listing(computation)
        assert found.source.startswith(("def ", "lambda fw")), computation.name
        names |= set(found.names) - set(dir(BookStyle))
    undefined = {name for name in names if not versions(name, packages)}
    assert len(names) > 100
    assert len(undefined) < 0.1 * len(names), undefined  # attributes, modules, misspelled names


def test_a_listing_has_the_helpers_that_a_computation_calls():
    found = listing(COMPUTATIONS["training_linear_regression"])
    assert found.source.count("\ndef ") >= 1
    assert "SGD" in found.names


def test_equal_definitions_are_one_version(packages):
    found = versions("mul", packages)
    assert found[0].frameworks == ("stage2",)
    assert sum(len(version.frameworks) for version in found) == 4
    assert found[0].before is None
    assert found[1].before == found[0].source
    assert versions("backward", packages)[0].source.startswith("def backward(self")
    assert packages["stage4"].applies("Mul") == "mul"
    assert versions("nothing_of_the_kind", packages) == []


def test_of_a_long_class_only_the_beginning_is_shown(packages):
    source = packages["stage5"].source("Variable")
    assert source.rstrip().endswith("...")
    assert "def __init__" in source
    assert len(source.splitlines()) < 60


# --- highlighting ---


def test_a_source_is_colored_in_full_and_then_cut_into_lines():
    source = 'def f():\n    """A docstring\n    if and for are words here\n    """\n    return 1'
    lines = str(highlight.code(source)).split("\n")
    assert lines[2] == '<span class="sd">    if and for are words here</span>'


def test_only_new_lines_are_marked():
    marked = str(highlight.code("a = 1\nb = 3\nc = 4", "a = 1\nb = 2")).split("\n")
    assert [line.startswith("<mark>") for line in marked] == [False, True, True]
    assert "<mark>" not in highlight.code("a = 1")


def luminance(color):
    def linear(c):
        c /= 255
        return c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4

    color = color.lstrip("#")
    color = "".join(2 * c for c in color) if len(color) == 3 else color
    r, g, b = (linear(int(color[i : i + 2], 16)) for i in (0, 2, 4))
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(a, b):
    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def tokens():
    """name -> (light, dark) of the colors in style.css."""
    css = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    return {name: pair for name, *pair in re.findall(r"--([\w-]+): light-dark\((#\w+), (#\w+)\)", css)}


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_code_has_enough_contrast_also_on_marked_lines(theme):
    style = get_style_by_name((highlight.LIGHT, highlight.DARK)[theme])
    for background in ("shade", "mark"):
        for token, look in style:
            if look["color"] and token not in (Whitespace, Error):
                assert contrast("#" + look["color"], tokens()[background][theme]) >= 4.5, (token, background)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_text_has_enough_contrast(theme):
    colors = {name: pair[theme] for name, pair in tokens().items()}
    for ink in ("ink", "soft", "link", "equal", "unsupported", "differs", "error", "failed"):
        for background in ("paper", "shade"):
            assert contrast(colors[ink], colors[background]) >= 4.5, (ink, background)
    for shape in ("function", "variable", "mark"):
        assert contrast(colors["ink"], colors[shape]) >= 4.5, shape


def test_the_colors_of_code_set_no_background():
    assert "background" not in highlight.css()
    assert all("light-dark(" in rule for rule in highlight.css().splitlines())


def test_a_grid_never_grows_wider_than_the_page():
    css = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    for columns in re.findall(r"grid-template-columns:([^;]+);", css):
        assert not re.search(
            r"(?<!minmax\(0, )(?<!1fr\)\), )\b1fr", columns.replace("minmax(min(100%, 24rem), 1fr)", "")
        )


# --- graphs ---

GRAPH = """digraph g {
0 [label="y", color=orange, style=filled]
1 [label="Mul", color=lightblue, style=filled, shape=box]
1 -> 0
}"""


def drawable():
    try:
        return bool(graphs.draw({"a": GRAPH}))
    except ImportError:
        return False


def test_a_graph_names_its_functions():
    assert graphs.functions(GRAPH) == ["Mul"]
    assert graphs.nodes(GRAPH) == 2


@pytest.mark.skipif(not drawable(), reason="Graphviz is not installed: the command dot, or pip install pygraphviz")
def test_graphs_are_drawn_in_the_colors_of_the_page():
    drawn = graphs.draw({"a": GRAPH, "none": "", "b": GRAPH.replace("Mul", "Add")})
    assert list(drawn) == ["a", "b"]
    assert 'class="function"' in drawn["a"]
    assert 'class="variable"' in drawn["a"]
    assert ">Add</text>" in drawn["b"]
    assert not re.search(r'(fill|stroke)="(?!none)|<title|<!--| id=', drawn["a"])


def test_a_large_graph_is_not_drawn():
    large = GRAPH.replace("}", '2 [label="x"]\n' * 200 + "}")
    assert graphs.draw({"large": large}) == {}


def test_without_graphviz_the_page_has_the_dot_text(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(graphs, "draw", lambda graphs: {})
    command = ["run", "-k", "square/ and float64", "--stages", "3", "--without-torch", "-n", "0"]
    assert cli.main([*command, "--html", str(tmp_path)]) == 0
    assert "digraph g {" in (tmp_path / "computations" / "square.html").read_text(encoding="utf-8")
    capsys.readouterr()


# --- words ---


def test_frameworks_are_named_as_in_a_sentence():
    assert spoken(["stage1"]) == "stage 1"
    assert spoken(["stage4", "stage5"]) == "stages 4 and 5"
    assert spoken(["stage1", "stage2", "stage3", "torch", "wrong"]) == "stages 1 to 3, PyTorch and wrong"
    assert spoken(["stage1", "stage3", "stage5"]) == "stages 1, 3 and 5"


def test_a_distance_is_zero_only_if_it_is():
    assert [eps(d) for d in (None, 0.0, 0.01, 1.26, 3018.4, 2.5e8)] == ["", "0", "<0.1", "1.3", "3,018", "2e08"]


def test_digits_that_differ_are_bold():
    assert apart("[1.234 5.0]", "[1.267 5.0]") == "[1.2<b>34</b>] 5.0]".replace("] 5", " 5")
    assert apart("<1>", "<1> 2") == "&lt;1&gt;"


def test_texts_are_tidied():
    assert tidy("[[ 1. -2. ] [ 3.  4. ]]") == "[[1. -2.] [3.  4.]]"
    assert said("missing: shape (3,): Missing: stage1 has no log (book.py:51 in find)") == "stage1 has no log"
    assert said("returns nan") == "returns nan"
    assert sentence("returns nan") == "Returns nan."
    assert sentence("square(array): rejected.") == "square(array): rejected."
