"""Files from the net, kept in a cache folder. Pooch downloads; for a file that is there already it is not needed."""

import hashlib
import importlib.util
import os
import pathlib
import sys
import tempfile
import urllib.parse

TIMEOUT = 15  # seconds that a server may be silent


def cache_dir():
    """The folder of all downloads, a Path: $DEZERO_HOME, or ~/.dezero; looked up at each call. [step 51]"""
    return pathlib.Path(os.environ.get("DEZERO_HOME") or "~/.dezero").expanduser().absolute()


def get_file(url, file_name=None, checksum=None):
    """The path, a str, of a file of the net; it is downloaded once. [step 51]

    Each address has a folder of its own in the cache folder (named by a hash of it), so files of one
    name from two places are two files. file_name: the name there, the last part of the address if None.
    ValueError for an address or a name that cannot be one; checksum and RuntimeError as in `fetch`.
    """
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https"):
        raise ValueError(f"get_file: {url!r} came, an address that starts with http:// or https:// is needed")
    if file_name is None:
        file_name = parts.path.split("/")[-1]
    if file_name in ("", ".", "..") or "/" in file_name or "\\" in file_name:
        raise ValueError(f"get_file: file_name {file_name!r} came for {url}, the bare name of a file is needed")
    key = hashlib.sha256(url.encode()).hexdigest()[:16]
    return str(fetch(f"files/{key}", file_name, url, checksum))


def fetch(folder, file_name, mirrors, checksum=None):
    """The path of a file in a folder of the cache folder; it is downloaded unless it is there already. [step 51]

    mirrors: addresses of the file, tried in turn; one whose connection breaks is tried a second time.
    checksum: SHA-256 in hexadecimal, or with another algorithm "md5:...". A file that is there with
    another checksum is never used: it is downloaded again, and stays as it was until that succeeds.
    A file appears under its name only when it is complete and right. Without a checksum, complete is
    what the server says is.
    RuntimeError, with each mirror's reason, where the file cannot be had.
    """
    path = cache_dir() / folder / file_name
    mirrors = [mirrors] if isinstance(mirrors, str) else list(mirrors)
    try:
        fault = wrong(path, checksum) if path.is_file() else "is not there"
        if fault:
            path.parent.mkdir(parents=True, exist_ok=True)
            download(path, mirrors, checksum, fault)
    except OSError as error:
        raise RuntimeError(f"{path}: {error}; $DEZERO_HOME can name another folder") from error
    return path


def download(path, mirrors, checksum, fault):
    """Download to path from the first mirror that has the right file. fault: what is wrong with path so far."""
    by_hand = f"Or put the file there by hand, from {' or '.join(mirrors)}"
    try:
        import pooch
    except ImportError as error:
        raise RuntimeError(
            f"{path} {fault}, and to download it pooch is needed: pip install pooch tqdm\n{by_hand}"
        ) from error

    bar = bool(sys.stderr and sys.stderr.isatty() and importlib.util.find_spec("tqdm"))
    get = pooch.HTTPDownloader(progressbar=bar, chunk_size=2**16, timeout=TIMEOUT)
    left, reasons = list(mirrors), {}
    while left:
        url = left.pop(0)
        print(f"Downloading {url}", file=sys.stderr)
        # A folder beside the file: no other process uses it, not even if this one is killed and leaves it behind,
        # and a move from there is atomic.
        with tempfile.TemporaryDirectory(prefix="download-", dir=path.parent) as folder:
            part = pathlib.Path(folder, path.name)
            try:
                get(url, part, None)
            except (OSError, ValueError) as error:
                if getattr(error, "errno", None) is not None:  # the disk's fault, not the mirror's
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
    """What is wrong with the file at path, a text; None if it has this checksum, or there is none to compare."""
    if checksum is None:
        return None
    algorithm, known = checksum.split(":") if ":" in checksum else ("sha256", checksum)
    with open(path, "rb") as file:
        actual = hashlib.file_digest(file, algorithm).hexdigest()
    return None if actual == known.lower() else f"has {algorithm} {actual}, not {known}"
