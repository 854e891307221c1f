"""Downloads, cached on disk. The package pooch is needed only for files that are not in the cache."""

import hashlib
import importlib.util
import os
import pathlib
import sys
import tempfile
import urllib.parse

TIMEOUT = 15  # seconds without an answer from the server


def cache_dir():
    """The folder of all downloads, a Path: $DEZERO_HOME, or ~/.dezero; evaluated at each call. [step 51]"""
    return pathlib.Path(os.environ.get("DEZERO_HOME") or "~/.dezero").expanduser().absolute()


def get_file(url, file_name=None, checksum=None):
    """Download a file once; return its path, a str. [step 51]

    Each address has its own folder in the cache (named by its hash), so files of the same name from two
    addresses do not collide. file_name: the name in the cache, by default the last part of the address.
    checksum and RuntimeError as in `fetch`.
    """
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https"):
        raise ValueError(f"get_file: expected an address that starts with http:// or https://, got {url!r}")
    if file_name is None:
        file_name = parts.path.split("/")[-1]
    if file_name in ("", ".", "..") or "/" in file_name or "\\" in file_name:
        raise ValueError(f"get_file: expected a file_name without folders for {url}, got {file_name!r}")
    key = hashlib.sha256(url.encode()).hexdigest()[:16]
    return str(fetch(f"files/{key}", file_name, url, checksum))


def fetch(folder, file_name, mirrors, checksum=None):
    """Download a file to a folder in the cache unless it exists; return its path. [step 51]

    mirrors: addresses of the file, tried in turn; one whose connection breaks is tried a second time.
    checksum: SHA-256 in hexadecimal, or with another algorithm "md5:...". A cached file with another
    checksum is never used: it is downloaded again, and stays as it was until that succeeds. A file
    appears under its name only when it is complete and correct. Without a checksum, its length must be what
    the server says, and a web page is rejected as a login or error page unless its name ends in .html or has no
    suffix. Raises RuntimeError, with each mirror's reason, if the file cannot be downloaded.
    """
    path = cache_dir() / folder / file_name
    mirrors = [mirrors] if isinstance(mirrors, str) else list(mirrors)
    try:
        fault = wrong(path, checksum) if path.is_file() else "does not exist"
        if fault:
            path.parent.mkdir(parents=True, exist_ok=True)
            download(path, mirrors, checksum, fault)
    except OSError as error:
        raise RuntimeError(f"{path}: {error}; $DEZERO_HOME can name another folder") from error
    return path


def download(path, mirrors, checksum, fault):
    """Download to path from the first mirror that has the right file. fault: what is wrong with path now."""
    by_hand = f"Or put the file there by hand, from {' or '.join(mirrors)}"
    try:
        import pooch
    except ImportError as error:
        raise RuntimeError(
            f"{path} {fault}; pooch, which downloads it, is not installed: pip install pooch tqdm\n{by_hand}"
        ) from error

    bar = bool(sys.stderr and sys.stderr.isatty() and importlib.util.find_spec("tqdm"))
    get = pooch.HTTPDownloader(progressbar=bar, chunk_size=2**16, timeout=TIMEOUT)
    left, reasons = list(mirrors), {}
    while left:
        url = left.pop(0)
        print(f"Downloading {url}", file=sys.stderr)
        # A temporary folder next to the file: no other process uses it, and moving the file from there is atomic.
        with tempfile.TemporaryDirectory(prefix="download-", dir=path.parent) as folder:
            part = pathlib.Path(folder, path.name)
            try:
                get(url, part, None)
            except (OSError, ValueError) as error:
                if getattr(error, "errno", None) is not None:  # an error of the disk, not of the mirror
                    raise
                if getattr(error, "response", error) is None and url not in reasons:  # the connection broke
                    left.append(url)
                reasons[url] = str(error)  # the error itself would keep the connection open
                continue
            reasons[url] = wrong(part, checksum)
            if not reasons[url]:
                os.replace(part, path)
                return
    tried = "".join(f"  {url}: {reason}\n" for url, reason in reasons.items())
    raise RuntimeError(f"{path} {fault}, and no download succeeded:\n{tried}{by_hand}")


def wrong(path, checksum):
    """Say why the file at path is wrong: another checksum or, if none is given, a web page; None if it is correct."""
    if checksum is None:
        with open(path, "rb") as file:
            page = file.read(1024).lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith((b"<!doctype html", b"<html"))
        return "is a web page" if page and path.suffix not in ("", ".html", ".htm") else None
    algorithm, known = checksum.split(":") if ":" in checksum else ("sha256", checksum)
    with open(path, "rb") as file:
        actual = hashlib.file_digest(file, algorithm).hexdigest()
    return None if actual == known.lower() else f"has {algorithm} {actual}, not {known}"
