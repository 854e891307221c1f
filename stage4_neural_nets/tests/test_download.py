"""Downloads from a local server that is as unreliable as the internet."""

import contextlib
import hashlib
import http.server
import importlib.util
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import threading

import pytest

from .scripts import HANG
from .stage import cache_dir, download, fetch, get_file, package

needs_pooch = pytest.mark.skipif(importlib.util.find_spec("pooch") is None, reason="pooch is not installed")
needs_tqdm = pytest.mark.skipif(importlib.util.find_spec("tqdm") is None, reason="tqdm is not installed")
needs_posix = pytest.mark.skipif(os.name != "posix", reason="signals, limits and terminals of POSIX")

BODY = bytes(range(256)) * 2000  # half a megabyte
SHA = hashlib.sha256(BODY).hexdigest()
MD5 = "md5:" + hashlib.md5(BODY).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers from the server's table of paths: bytes, a status, or a function of the handler."""

    def do_GET(self):
        self.server.asked.append(self.path)
        answer = self.server.answers.get(self.path, 404)
        if isinstance(answer, bytes):
            self.send(answer)
        elif isinstance(answer, int):
            self.send_error(answer)
        else:
            answer(self)

    def send(self, body, length=None):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        with contextlib.suppress(OSError):  # the client may have disconnected
            self.wfile.write(body)
            self.wfile.flush()

    def log_message(self, *arguments):
        pass


def truncated(handler):
    handler.send(BODY[:1000], length=len(BODY))
    handler.close_connection = True


def broken_once(handler):
    (truncated if handler.server.asked.count(handler.path) == 1 else lambda h: h.send(BODY))(handler)


def without_a_length(handler):
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(BODY)


def with_an_odd_length(handler):
    handler.send(BODY, length="many")


def silent(handler):
    handler.server.release.wait(HANG)


def half(handler):
    """Send half the file, then nothing until the test releases it."""
    handler.send(BODY[: len(BODY) // 2], length=len(BODY))
    handler.server.half_sent.set()
    handler.server.release.wait(HANG)
    handler.close_connection = True


@pytest.fixture
def server():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.answers, server.asked = {"/a/x": BODY, "/b/x": BODY}, []
    server.release, server.half_sent = threading.Event(), threading.Event()
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.release.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A cache folder for the test, and no proxy."""
    home = tmp_path / "home"
    monkeypatch.setenv("DEZERO_HOME", str(home))
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(download, "TIMEOUT", 10)
    return home


@pytest.fixture
def dead():
    """An address without a server."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/x"


def files(folder):
    """All files in a folder and its subfolders, with their contents."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def put(home, name, content):
    path = home / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def python(code, *arguments, **settings):
    """Start another Python process that imports fetch and can be interrupted."""
    start = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    start += f"from {package.__name__}.download import fetch\n"
    command = [sys.executable, "-W", "error", "-c", start + code, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **settings)


def finish(process):
    out, err = process.communicate(timeout=HANG)
    assert process.returncode == 0, err
    return out, err


# --- a good server ---


@needs_pooch
@pytest.mark.parametrize("checksum", [SHA, SHA.upper(), f"sha256:{SHA}", MD5, None])
def test_a_file_is_downloaded_once(server, home, checksum):
    for _ in range(2):
        path = fetch("set", "x", [f"{server.url}/a/x"], checksum)
        assert path == home / "set" / "x"
        assert files(home) == {"set/x": BODY}
    assert server.asked == ["/a/x"]


@needs_pooch
def test_one_address_need_not_be_in_a_list(server):
    assert fetch("set", "x", f"{server.url}/a/x", SHA).read_bytes() == BODY


@needs_pooch
def test_two_datasets_have_files_of_one_name(server, home):
    server.answers["/b/x"] = b"other"
    fetch("one", "x", f"{server.url}/a/x")
    fetch("two", "x", f"{server.url}/b/x")
    assert files(home) == {"one/x": BODY, "two/x": b"other"}


@needs_pooch
def test_the_download_is_announced(server, capfd):
    for _ in range(2):
        fetch("set", "x", f"{server.url}/a/x", SHA)
    assert capfd.readouterr() == ("", f"Downloading {server.url}/a/x\n")


@needs_pooch
def test_two_downloads_at_once_do_not_interfere(server, home):
    both = threading.Barrier(2)
    server.answers["/a/x"] = lambda handler: (both.wait(HANG), handler.send(BODY))
    threads = [threading.Thread(target=fetch, args=("set", "x", f"{server.url}/a/x", SHA)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert files(home) == {"set/x": BODY}
    assert len(server.asked) == 2


@needs_pooch
@needs_posix
def test_others_may_read_a_file_if_new_files_are_for_others_to_read(server):
    old = os.umask(0o022)
    try:
        path = fetch("set", "x", f"{server.url}/a/x", SHA)
    finally:
        os.umask(old)
    assert path.stat().st_mode & 0o777 == 0o644


@needs_pooch
def test_a_server_need_not_say_how_long_the_file_is(server):
    server.answers["/a/x"] = without_a_length
    assert fetch("set", "x", f"{server.url}/a/x", SHA).read_bytes() == BODY


# --- bad servers ---


REASONS = [
    (404, "404 Client Error"),
    (503, "503 Server Error"),
    (b"something else", f"has sha256 {hashlib.sha256(b'something else').hexdigest()}, not {SHA}"),
    (b"", f"has sha256 {hashlib.sha256(b'').hexdigest()}, not {SHA}"),
    (truncated, "Connection broken: IncompleteRead(1000 bytes read"),
    (with_an_odd_length, "invalid literal for int"),
    (silent, "Read timed out"),
    (half, "Read timed out"),
]


@needs_pooch
@pytest.mark.parametrize(("answer", "reason"), REASONS)
def test_after_a_bad_mirror_the_next_one_is_used(server, home, monkeypatch, answer, reason):
    if reason == "Read timed out":
        monkeypatch.setattr(download, "TIMEOUT", 3)  # enough for a slow machine to serve the next one
    server.answers["/a/x"] = answer
    mirrors = [f"{server.url}/a/x", f"{server.url}/b/x"]
    assert fetch("set", "x", mirrors, SHA).read_bytes() == BODY
    assert server.asked == ["/a/x", "/b/x"]
    assert files(home) == {"set/x": BODY}


@needs_pooch
@pytest.mark.parametrize(("answer", "reason"), REASONS)
def test_the_reason_of_each_mirror_is_reported(server, home, dead, monkeypatch, answer, reason):
    if reason == "Read timed out":
        monkeypatch.setattr(download, "TIMEOUT", 3)  # enough for a slow machine to serve the next one
    server.answers["/a/x"] = answer
    with pytest.raises(RuntimeError, match="no download succeeded") as caught:
        fetch("set", "x", [f"{server.url}/a/x", dead], SHA)
    first, second, third, last = str(caught.value).splitlines()
    assert first == f"{home / 'set' / 'x'} does not exist, and no download succeeded:"
    assert second.startswith(f"  {server.url}/a/x: ")
    assert reason in second
    assert third.startswith(f"  {dead}: ")
    assert "refused" in third
    assert last == f"Or put the file there by hand, from {server.url}/a/x or {dead}"
    assert files(home) == {}
    assert list((home / "set").iterdir()) == []


@needs_pooch
def test_a_truncated_file_is_noticed_without_a_checksum_too(server, home):
    server.answers["/a/x"] = truncated
    with pytest.raises(RuntimeError, match="IncompleteRead"):
        fetch("set", "x", f"{server.url}/a/x")
    assert files(home) == {}


@needs_pooch
@pytest.mark.parametrize(("answer", "times"), [(broken_once, 2), (truncated, 2), (404, 1), (503, 1), (b"wrong", 1)])
def test_a_broken_connection_is_tried_again_and_a_clear_answer_is_not(server, answer, times):
    server.answers["/a/x"] = answer
    with contextlib.nullcontext() if answer is broken_once else pytest.raises(RuntimeError, match="no download succ"):
        fetch("set", "x", f"{server.url}/a/x", SHA)
    assert server.asked == ["/a/x"] * times


# --- files in the cache ---


def test_a_cached_file_needs_neither_pooch_nor_a_network(home, dead, monkeypatch, capfd):
    monkeypatch.setitem(sys.modules, "pooch", None)
    path = put(home, "set/x", BODY)
    for checksum in (SHA, MD5, None):
        assert fetch("set", "x", dead, checksum) == path
    assert capfd.readouterr() == ("", "")


def test_without_pooch_the_error_says_what_to_install_or_where_to_put_the_file(home, monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(RuntimeError, match="pooch, which downloads it, is not installed") as caught:
        fetch("set", "x", ["http://one/x", "http://two/x"], SHA)
    assert str(caught.value).splitlines() == [
        f"{home / 'set' / 'x'} does not exist; pooch, which downloads it, is not installed: pip install pooch tqdm",
        "Or put the file there by hand, from http://one/x or http://two/x",
    ]
    put(home, "set/x", BODY)  # its folder exists
    assert fetch("set", "x", "http://one/x", SHA).read_bytes() == BODY


@pytest.mark.parametrize("checksum", [SHA, MD5])
def test_a_wrong_file_is_reported_and_kept_without_pooch(home, monkeypatch, checksum):
    monkeypatch.setitem(sys.modules, "pooch", None)
    put(home, "set/x", b"mine")
    with pytest.raises(
        RuntimeError,
        match=rf"x has \w+ [0-9a-f]+, not {checksum.removeprefix('md5:')}; pooch, which downloads it, is not installed",
    ):
        fetch("set", "x", "http://one/x", checksum)
    assert files(home) == {"set/x": b"mine"}


@needs_pooch
@pytest.mark.parametrize("answer", [404, b"wrong", truncated])
def test_a_wrong_file_is_kept_if_the_download_fails(server, home, answer):
    put(home, "set/x", b"mine")
    server.answers["/a/x"] = answer
    with pytest.raises(RuntimeError, match=rf"x has sha256 [0-9a-f]+, not {SHA}, and no download succeeded"):
        fetch("set", "x", f"{server.url}/a/x", SHA)
    assert files(home) == {"set/x": b"mine"}


@needs_pooch
def test_a_wrong_file_is_replaced_by_the_right_one(server, home):
    put(home, "set/x", BODY[:-1])
    assert fetch("set", "x", f"{server.url}/a/x", SHA).read_bytes() == BODY
    assert files(home) == {"set/x": BODY}


# --- this machine ---


FETCH = "fetch('set', 'x', sys.argv[1], sys.argv[2])"


@needs_pooch
@needs_posix
def test_a_killed_download_does_not_poison_the_next(server, home):
    server.answers["/a/x"] = half
    process = python(FETCH, f"{server.url}/a/x", SHA)
    assert server.half_sent.wait(HANG)
    process.kill()
    process.communicate()
    assert "set/x" not in files(home)
    server.answers["/a/x"] = BODY
    for checksum in (None, SHA):
        assert fetch("set", "x", f"{server.url}/a/x", checksum).read_bytes() == BODY


@needs_pooch
@needs_posix
@pytest.mark.parametrize("old", [{}, {"set/x": b"mine"}])
def test_ctrl_c_leaves_nothing_behind(server, home, old):
    for name, content in old.items():
        put(home, name, content)
    server.answers["/a/x"] = half
    process = python(FETCH, f"{server.url}/a/x", SHA)
    assert server.half_sent.wait(HANG)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=HANG)
    assert process.returncode != 0
    assert "KeyboardInterrupt" in err
    assert files(home) == old
    assert [path.name for path in (home / "set").iterdir()] == [pathlib.Path(name).name for name in old]


FULL = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))  # like a full disk: a real OSError
try:
    fetch('set', 'x', [sys.argv[1]] * 2, sys.argv[2])
except RuntimeError as error:
    print(error)
"""


@needs_pooch
@needs_posix
@pytest.mark.parametrize("old", [{}, {"set/x": b"mine"}])
def test_a_full_disk_is_named_and_leaves_nothing_behind(server, home, old):
    for name, content in old.items():
        put(home, name, content)
    out, _ = finish(python(FULL, f"{server.url}/a/x", SHA))
    assert out == f"{home / 'set' / 'x'}: [Errno 27] File too large; $DEZERO_HOME can name another folder\n"
    assert files(home) == old
    assert len(list((home / "set").iterdir())) == len(old)
    assert server.asked == ["/a/x"]  # no other mirror was tried


READ_ONLY = """
import os, pooch  # while the modules can be read
if os.geteuid() == 0:  # root may write to any folder
    os.seteuid(65534)
try:
    fetch('set', 'x', sys.argv[1], sys.argv[2])
except RuntimeError as error:
    print(error)
"""


@needs_pooch
@needs_posix
@pytest.mark.parametrize("ready", [False, True])
def test_a_home_folder_without_write_permission_is_reported(server, ready):
    folder = pathlib.Path(tempfile.mkdtemp())  # tmp_path is inside a folder that others cannot open
    try:
        if ready:
            (folder / "set").mkdir()
            (folder / "set").chmod(0o555)
        folder.chmod(0o555)
        out, _ = finish(python(READ_ONLY, f"{server.url}/a/x", SHA, env=os.environ | {"DEZERO_HOME": str(folder)}))
        assert out.startswith(f"{folder / 'set' / 'x'}: [Errno 13] Permission denied: ")
        assert out.endswith("; $DEZERO_HOME can name another folder\n")
        assert server.asked == []
    finally:
        folder.chmod(0o755)
        if ready:
            (folder / "set").rmdir()
        folder.rmdir()


def test_a_file_in_place_of_a_folder_is_reported(tmp_path, monkeypatch):
    put(tmp_path, "file", b"mine")
    for home in ("file", "file/home"):
        monkeypatch.setenv("DEZERO_HOME", str(tmp_path / home))
        with pytest.raises(
            RuntimeError, match=r"set.x: .*(exists|[Nn]ot a directory).*; \$DEZERO_HOME can name another"
        ):
            fetch("set", "x", "http://one/x", SHA)
    assert (tmp_path / "file").read_bytes() == b"mine"


# --- the progress bar ---


@needs_pooch
def test_a_pipe_gets_no_progress_bar(server):
    assert finish(python(FETCH, f"{server.url}/a/x", SHA)) == ("", f"Downloading {server.url}/a/x\n")


@needs_pooch
@needs_tqdm
@needs_posix
@pytest.mark.parametrize(("hide", "shown"), [("", True), ("sys.modules['tqdm'] = None\n", False)])
def test_a_terminal_gets_a_progress_bar_if_tqdm_is_installed(server, hide, shown):
    import termios

    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    command = "import sys\n" + hide + f"from {package.__name__}.download import fetch\n" + FETCH
    command = [sys.executable, "-W", "error", "-c", command, f"{server.url}/a/x", SHA]
    done = subprocess.run(command, stderr=theirs, timeout=HANG, check=False)
    os.set_blocking(ours, False)
    text = os.read(ours, 100_000).decode()
    os.close(ours)
    os.close(theirs)
    assert done.returncode == 0, text
    assert "Downloading http" in text
    assert ("100%" in text) == shown


# --- folders and names ---


def test_the_cache_folder_is_looked_up_at_each_call(tmp_path, monkeypatch):
    assert cache_dir() == tmp_path / "home"
    monkeypatch.setenv("DEZERO_HOME", str(tmp_path / "other"))
    assert cache_dir() == tmp_path / "other"
    monkeypatch.setenv("DEZERO_HOME", "relative")
    monkeypatch.chdir(tmp_path)
    assert cache_dir() == tmp_path / "relative"


@needs_posix
@pytest.mark.parametrize(("value", "folder"), [(None, ".dezero"), ("", ".dezero"), ("~/data", "data")])
def test_the_default_cache_folder_is_in_the_home_folder(value, folder, tmp_path, monkeypatch):
    monkeypatch.delenv("DEZERO_HOME")
    if value is not None:
        monkeypatch.setenv("DEZERO_HOME", value)
    assert cache_dir() == tmp_path / "nobody" / folder


@needs_pooch
def test_get_file_downloads_once_and_returns_a_str(server, home):
    paths = {get_file(f"{server.url}/a/x") for _ in range(2)}
    (path,) = paths
    assert isinstance(path, str)
    assert pathlib.Path(path).name == "x"
    assert pathlib.Path(path).is_relative_to(home)
    assert pathlib.Path(path).read_bytes() == BODY
    assert server.asked == ["/a/x"]


@needs_pooch
def test_get_file_separates_files_of_one_name_from_two_addresses(server):
    server.answers |= {"/b/x": b"b", "/b/x?v=1": b"version 1", "/b/x?v=2": b"version 2"}
    urls = [f"{server.url}{path}" for path in ("/a/x", "/b/x", "/b/x?v=1", "/b/x?v=2")]
    for _ in range(2):
        contents = [pathlib.Path(get_file(url, "x")).read_bytes() for url in urls]
        assert contents == [BODY, b"b", b"version 1", b"version 2"]
    assert len(server.asked) == 4


@needs_pooch
def test_get_file_takes_another_name_and_a_checksum(server):
    server.answers["/a/x?raw=true"] = BODY
    path = pathlib.Path(get_file(f"{server.url}/a/x?raw=true", checksum=MD5))
    assert path.name == "x"
    assert pathlib.Path(get_file(f"{server.url}/a/x", "my file.bin")).name == "my file.bin"
    with pytest.raises(RuntimeError, match="no download succeeded"):
        get_file(f"{server.url}/b/x", checksum=hashlib.sha256(b"").hexdigest())


PAGE = b"\xef\xbb\xbf\n<!DOCTYPE html>\n<html><body>Please log in.</body></html>"


@needs_pooch
@pytest.mark.parametrize("page", [PAGE, b"<HTML>404"])
def test_a_login_page_is_not_kept_as_a_file(home, server, page):
    """Some networks answer any request with a login page and status 200."""
    server.answers["/x.npz"] = page
    url = server.url + "/x.npz"
    with pytest.raises(RuntimeError, match=r"x\.npz does not exist, and no download succeeded:\n.*: is a web page"):
        get_file(url)
    assert files(home) == {}
    put(home, f"files/{hashlib.sha256(url.encode()).hexdigest()[:16]}/x.npz", page)  # cached by an older version
    server.answers["/x.npz"] = BODY
    assert pathlib.Path(get_file(url)).read_bytes() == BODY


@pytest.mark.parametrize("name", ["page.html", "page.htm", "page"])
def test_a_web_page_may_be_what_is_wanted(home, name):
    put(home, f"set/{name}", PAGE)
    assert fetch("set", name, "http://one/x").read_bytes() == PAGE


@pytest.mark.parametrize(
    ("url", "name", "message"),
    [
        ("x.npz", None, "get_file: expected an address that starts with http:// or https://, got 'x.npz'"),
        ("file:///x.npz", None, "expected an address that starts with http:// or https://"),
        ("http://one/", None, "expected a file_name without folders for http://one/, got ''"),
        ("http://one", None, "expected a file_name without folders for http://one, got ''"),
        ("http://one/x", "../x", r"expected a file_name without folders for http://one/x, got '\.\./x'"),
        ("http://one/..", None, r"expected a file_name without folders for http://one/\.\., got '\.\.'"),
        ("http://one/x", "a\\b", "expected a file_name without folders"),
    ],
)
def test_get_file_rejects_invalid_addresses_and_names(url, name, message, home):
    with pytest.raises(ValueError, match=message):
        get_file(url, name)
    assert not home.exists()
