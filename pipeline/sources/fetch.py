"""Download a file once, whole and as promised, from servers that are slow, cut off or lie."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal
from urllib.parse import unquote, urlsplit

from pipeline.errors import Problem, SourceError
from pipeline.settings.sources import FetchSettings
from pipeline.sources.fetch_cache import Entry, FetchCache, hash_file
from pipeline.sources.fetch_http import Got, Refused, Unchanged, download

logger = logging.getLogger(__name__)

Progress = Callable[[int, int | None], None]

# First bytes by ending: an error page with status 200 has none of them.
_SIGNS: dict[str, tuple[tuple[int, bytes], ...]] = {
    ".pbf": ((0, b"\x00\x00\x00"),),
    ".zip": ((0, b"PK"),),
    ".xlsx": ((0, b"PK"),),
    ".kmz": ((0, b"PK"),),
    ".gpkg": ((0, b"SQLite format 3"),),
    ".tif": ((0, b"II*\x00"), (0, b"MM\x00*"), (0, b"II+\x00"), (0, b"MM\x00+")),
    ".parquet": ((0, b"PAR1"),),
    ".fgb": ((0, b"fgb"),),
}
_PAGES = (b"<!doctype html", b"<html", b"<head", b'<?xml version="1.0"?><error')
_PAGE_ENDINGS = {".html", ".htm", ".xml", ".kml", ".gml", ".gpx", ".osm"}


@dataclass(frozen=True)
class Fetched:
    """A file that is there, with where it came from."""

    path: Path
    url: str
    sha256: str
    size: int
    how: Literal["local", "cached", "unchanged", "downloaded"]

    def __str__(self) -> str:
        """Render as one lower-case sentence."""
        return f"{self.how} {self.url}: {self.size / 1e6:.1f} MB, sha256 {self.sha256[:12]}"


def fetch(
    source: str,
    *,
    cache: Path,
    settings: FetchSettings,
    sha256: str | None = None,
    progress: Progress | None = None,
) -> Fetched:
    """Get a file by address, or take a local one as it is (handed over on a stick, say).

    With a known checksum the cache is used without asking the server; else the server is asked
    whether the file changed. Interrupted downloads go on where they stopped, if the server still
    has the same file. Mirrors are tried before the origin.

    Parameters
    ----------
    source
        An http(s) address or a path.
    cache
        Folder of the cache.
    settings
        Patience, limits and mirrors.
    sha256
        The checksum the content must have.
    progress
        Called with bytes so far and bytes in all (null when the server does not say).

    Returns
    -------
    fetched

    Raises
    ------
    SourceError
        No such file, refused by the server, too large, an error page instead of data, another
        checksum, or still incomplete after all attempts; the last reason of each address tried.
    """
    if urlsplit(source).scheme not in {"http", "https"}:
        return _local(Path(source), sha256)
    from filelock import FileLock

    name, store = _name(source), FetchCache(cache)
    wanted = None if sha256 is None else sha256.lower()
    lock = store.lock_path(source)
    lock.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(lock):
        kept = store.find(source, name)
        if kept is not None and wanted == kept[0].sha256:
            return Fetched(kept[1], source, wanted, kept[0].size, "cached")
        job = _Job(source, name, store, kept, settings, wanted, progress)
        problems: list[Problem] = []
        for address in _addresses(source, settings):
            try:
                got = _attempts(job, address)
            except SourceError as error:
                problems += error.problems
                continue
            logger.info("%s", got)
            return got
    raise SourceError(*problems)


@contextmanager
def progress_bar(label: str) -> Iterator[Progress]:
    """Show a bar on the terminal's error stream; silent when that is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn
    from rich.progress import TransferSpeedColumn as Speed

    console = Console(stderr=True)
    columns = ("{task.description}", BarColumn(), DownloadColumn(), Speed(), TimeRemainingColumn())
    silent = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=silent) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@dataclass(frozen=True)
class _Job:
    """One file to get: what it is called, where it will be kept, and what it must be."""

    source: str
    name: str
    store: FetchCache
    kept: tuple[Entry, Path] | None
    settings: FetchSettings
    sha256: str | None
    progress: Progress | None


def _attempts(job: _Job, address: str) -> Fetched:
    """Try one address as often as the settings say, waiting longer each time."""
    partial = job.store.partial_path(address)
    limits = job.settings
    ask = job.kept is not None and job.sha256 is None
    validators = (job.kept[0].etag, job.kept[0].last_modified) if job.kept and ask else None
    wait_s = limits.backoff_s
    for attempt in range(1, limits.attempts + 1):
        try:
            got = download(address, partial, limits, validators, job.progress)
        except Unchanged as answer:
            if job.kept is None:  # a server that says so unasked
                raise SourceError(_failed(address, "not modified", attempt)) from answer
            entry, path = job.kept
            return Fetched(path, job.source, entry.sha256, entry.size, "unchanged")
        except Refused as refusal:
            if refusal.final:
                partial.unlink(missing_ok=True)
            if refusal.final or attempt == limits.attempts:
                raise SourceError(_failed(address, str(refusal), attempt)) from refusal
            logger.warning("attempt %d of %s failed: %s", attempt, address, refusal)
            asked_s = max(wait_s, refusal.retry_after_s or 0.0)
            time.sleep(min(asked_s, limits.longest_backoff_s))
            wait_s *= 2
        else:
            return _accept(job, address, partial, got)
    raise SourceError(_failed(address, "no attempt was made", 0))


def _accept(job: _Job, address: str, partial: Path, got: Got) -> Fetched:
    """Look at what came before it is believed; what is not believed is thrown away."""
    found = hash_file(partial)
    problem = _not_the_data(partial, job.name, address)
    if problem is None and job.sha256 is not None and found != job.sha256:
        problem = _other_checksum(address, job.sha256, found)
    if problem is not None:
        partial.unlink()
        raise SourceError(problem)
    size = partial.stat().st_size
    entry = Entry(job.source, found, size, got.etag, got.last_modified)
    path = job.store.store(entry, job.name, partial)
    return Fetched(path, job.source, found, size, "downloaded")


def _local(path: Path, sha256: str | None) -> Fetched:
    if not path.is_file():
        raise SourceError(Problem("文件不存在", "the file does not exist", path=path))
    found = hash_file(path)
    if sha256 is not None and found != sha256.lower():
        raise SourceError(_other_checksum(str(path), sha256, found))
    return Fetched(path, str(path), found, path.stat().st_size, "local")


def _addresses(source: str, settings: FetchSettings) -> list[str]:
    """Put the mirrors that stand for the address's beginning before the address."""
    mirrors = [
        mirror + source.removeprefix(origin)
        for origin, mirror in settings.mirrors.items()
        if source.startswith(origin)
    ]
    return [*mirrors, source]


def _name(url: str) -> str:
    name = PurePosixPath(unquote(urlsplit(url).path)).name
    safe = "".join(c if c.isalnum() or c in "._-" else "_" for c in name).lstrip(".")
    return safe[-100:] or "download"


def _not_the_data(content: Path, name: str, address: str) -> Problem | None:
    """Recognise an error or log-in page that came with status 200, or another kind of file."""
    with content.open("rb") as handle:
        head = handle.read(512)
    ending = PurePosixPath(name).suffix.lower()
    signs = _SIGNS.get(ending)
    page = ending not in _PAGE_ENDINGS and head.lstrip().lower().startswith(_PAGES)
    wrong = signs is not None and not any(head[at:].startswith(sign) for at, sign in signs)
    if head and not page and not wrong:
        return None
    what_zh = "空文件" if not head else "网页（可能是错误或登录页）" if page else "其他内容"
    what_en = "nothing" if not head else "a web page" if page else "something else"
    return Problem(
        f"服务器返回的不是 {ending or '数据'} 文件，而是{what_zh}",
        f"the server gave {what_en} instead of a {ending or 'data'} file",
        path=address,
        remedy_zh="在浏览器中打开该地址核实，或改用本地文件",
        remedy_en="open the address in a browser to see why, or use a local file",
    )


def _other_checksum(source: str, wanted: str, found: str) -> Problem:
    return Problem(
        f"校验和不符：应为 {wanted}，实为 {found}",
        f"another checksum: wanted {wanted}, found {found}",
        path=source,
        rule="sha256",
        remedy_zh="文件可能已更新或被篡改；核实后更新校验和",
        remedy_en="the file was updated or tampered with: verify it, then update the checksum",
    )


def _failed(address: str, reason: str, attempts: int) -> Problem:
    return Problem(
        f"下载失败（尝试 {attempts} 次）：{reason}",
        f"the download failed after {attempts} attempts: {reason}",
        path=address,
        remedy_zh="检查网络，再次运行会从中断处继续；也可用本地文件或镜像",
        remedy_en="check the network; the next run goes on where it stopped; or use a local file",
    )
