"""Make one attempt at a download, going on where the last one stopped."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.settings.sources import FetchSettings

if TYPE_CHECKING:
    from requests import Response

_BLOCK = 1 << 14
_CONTENT_RANGE = re.compile(r"^bytes (\d+)-(\d+)/(\d+|\*)$")
_TRY_AGAIN = {408, 425, 429, 500, 502, 503, 504}
_AGENT = "parkgap"


class Unchanged(Exception):  # noqa: N818
    """The server says that the file is the one we have."""


class Refused(Exception):  # noqa: N818
    """An attempt failed; `final` tells that another one is of no use."""

    def __init__(
        self, reason: str, *, final: bool = False, retry_after_s: float | None = None
    ) -> None:
        super().__init__(reason)
        self.final = final
        self.retry_after_s = retry_after_s


@dataclass(frozen=True)
class Got:
    """What the server said of the file that is now whole."""

    etag: str | None
    last_modified: str | None


def download(
    url: str,
    partial: Path,
    settings: FetchSettings,
    validators: tuple[str | None, str | None] | None,
    progress: Callable[[int, int | None], None] | None,
) -> Got:
    """Make one attempt; on return `partial` holds the whole file.

    Parameters
    ----------
    url
        Address.
    partial
        Where the bytes go; what an earlier attempt left is continued if the server has the same
        file still (a strong entity tag or a date says so).
    settings
        Timeouts and limits.
    validators
        Entity tag and date of the copy we have, to ask whether it changed.
    progress
        Called with bytes so far and in all.

    Raises
    ------
    Unchanged
        The copy we have is current.
    Refused
        The attempt failed.
    """
    import requests

    partial.parent.mkdir(parents=True, exist_ok=True)
    have = partial.stat().st_size if partial.exists() else 0
    mark = _mark(partial) if have else None
    if have and mark is None:
        have = 0
    headers = {"User-Agent": _AGENT, "Accept-Encoding": "identity"}
    if have and mark:
        headers |= {"Range": f"bytes={have}-", "If-Range": mark}
    elif validators is not None:
        etag, date = validators
        headers |= {"If-None-Match": etag} if etag else {}
        headers |= {"If-Modified-Since": date} if date and not etag else {}
    try:
        with requests.Session() as session:
            session.max_redirects = settings.most_redirects
            with session.get(
                url, headers=headers, stream=True, timeout=settings.timeout_s
            ) as response:
                return _receive(response, partial, have, settings, progress)
    except requests.TooManyRedirects as error:
        msg = "too many redirects"
        raise Refused(msg, final=True) from error
    except (requests.exceptions.InvalidSchema, requests.exceptions.InvalidURL) as error:
        msg = f"a bad address: {error}"
        raise Refused(msg, final=True) from error
    except requests.RequestException as error:
        msg = f"{type(error).__name__}: {error}"
        raise Refused(msg) from error


def _receive(
    response: Response,
    partial: Path,
    have: int,
    settings: FetchSettings,
    progress: Callable[[int, int | None], None] | None,
) -> Got:
    _judge(response, partial)
    start, total = _extent(response, have, partial)
    limit = int(settings.largest_mb * 1e6)
    if total is not None and total > limit:
        msg = f"{total / 1e6:.0f} MB, limit {settings.largest_mb:g} MB"
        raise Refused(msg, final=True)
    _remember(partial, response)
    done = start
    deadline = time.monotonic() + 60 * settings.longest_min
    with partial.open("ab" if start else "wb") as handle:
        for block in response.iter_content(_BLOCK):
            done += len(block)
            if done > limit:
                msg = f"more than the limit of {settings.largest_mb:g} MB"
                raise Refused(msg, final=True)
            handle.write(block)
            if progress is not None:
                progress(done, total)
            if time.monotonic() > deadline:
                msg = f"not done within {settings.longest_min:g} minutes"
                raise Refused(msg)
    if total is not None and done != total:
        msg = f"cut off at {done} of {total} bytes"
        raise Refused(msg)
    got = Got(response.headers.get("ETag"), response.headers.get("Last-Modified"))
    _mark_path(partial).unlink(missing_ok=True)
    return got


def _judge(response: Response, partial: Path) -> None:
    """Sort the answers: data, nothing new, try again, or never."""
    hops = [*response.history, response]
    schemes = [hop.url.split(":", 1)[0] for hop in hops]
    if "https" in schemes and "http" in schemes[schemes.index("https") :]:
        msg = "redirected from https to http"
        raise Refused(msg, final=True)
    code = response.status_code
    if code == HTTPStatus.NOT_MODIFIED:
        raise Unchanged
    if code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        partial.unlink(missing_ok=True)
        msg = "the file changed, starting anew"
        raise Refused(msg)
    if code not in {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT}:
        wait = response.headers.get("Retry-After", "")
        after = float(wait) if wait.isdigit() else None
        text = f"{code} {response.reason}"
        raise Refused(text, final=code not in _TRY_AGAIN, retry_after_s=after)


def _extent(response: Response, have: int, partial: Path) -> tuple[int, int | None]:
    """Tell at which byte the answer starts and how long the whole file is."""
    if response.status_code == HTTPStatus.PARTIAL_CONTENT:
        match = _CONTENT_RANGE.match(response.headers.get("Content-Range", ""))
        if match is None or int(match[1]) != have:
            partial.unlink(missing_ok=True)
            msg = "the server gave another part than was asked for"
            raise Refused(msg)
        return have, None if match[3] == "*" else int(match[3])
    length = response.headers.get("Content-Length", "")
    return 0, int(length) if length.isdigit() else None


def _mark_path(partial: Path) -> Path:
    return partial.with_suffix(".mark")


def _mark(partial: Path) -> str | None:
    """Give what tells that the server has the same file still; null when nothing does."""
    try:
        mark = json.loads(_mark_path(partial).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return mark if isinstance(mark, str) else None


def _remember(partial: Path, response: Response) -> None:
    etag = response.headers.get("ETag")
    strong = etag if etag and not etag.startswith("W/") else None
    mark = strong or response.headers.get("Last-Modified")
    _mark_path(partial).write_text(json.dumps(mark), encoding="utf-8")
