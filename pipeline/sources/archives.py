"""Unpack a zip file without letting it harm the machine."""

from __future__ import annotations

import errno
import logging
import lzma
import shutil
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath

from pipeline.errors import Problem, SourceError

logger = logging.getLogger(__name__)

_NESTED = {".zip", ".7z", ".rar", ".gz", ".tgz", ".tar", ".bz2", ".xz", ".zst"}
_JUNK = ("__MACOSX/", ".DS_Store", "Thumbs.db")
_BLOCK = 1 << 20
_UTF8_FLAG, _ENCRYPTED_FLAG = 0x800, 0x1
_MEGABYTE = 1e6
_DAMAGE = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    NotImplementedError,
    EOFError,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    ValueError,
    OverflowError,
)


@contextmanager
def unpacked(
    path: Path, *, largest_mb: float, largest_ratio: float, most_files: int
) -> Iterator[Path]:
    """Unpack an archive into a folder that is removed when the block ends.

    Names written by Chinese Windows (GBK without the UTF-8 mark) are decoded as such.

    Parameters
    ----------
    path
        The zip file.
    largest_mb
        Largest size of all files together when unpacked, in 10^6 bytes.
    largest_ratio
        Largest ratio of unpacked to packed size of one file.
    most_files
        Most files.

    Yields
    ------
    folder
        The folder with the files.

    Raises
    ------
    SourceError
        The archive is damaged or encrypted, breaks a limit, or holds paths that lead outside,
        links, nested archives or one name twice; every such file is named. An archive whose
        stated sizes lie is damaged.
    """
    largest_bytes = int(largest_mb * _MEGABYTE)
    with tempfile.TemporaryDirectory(prefix="parkgap-") as folder:
        try:
            with zipfile.ZipFile(path) as archive:
                members = _members(archive)
                problems = _refusals(path, members, largest_bytes, largest_ratio, most_files)
                if problems:
                    raise SourceError(*problems)
                _extract(archive, members, Path(folder))
        except _DAMAGE as error:
            raise _damaged(path, error) from error
        except OSError as error:
            if error.errno != errno.EINVAL:  # a place before the file's beginning
                raise
            raise _damaged(path, error) from error
        logger.info("unpacked %d files from %s", len(members), path.name)
        yield Path(folder)


def _damaged(path: Path, error: Exception) -> SourceError:
    text = f"the archive is damaged or of an unknown kind: {error}"
    return SourceError(Problem("压缩文件损坏或格式不支持", text, path=path))


def require_harmless(
    path: Path, *, largest_mb: float, largest_ratio: float, most_files: int
) -> None:
    """Apply the limits to a file that is a zip underneath (XLSX) before another library opens it.

    The parameters and errors are those of `unpacked`; the sizes are those the archive states.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = _members(archive)
    except _DAMAGE as error:
        text = f"the file is damaged: {error}"
        raise SourceError(Problem("文件已损坏", text, path=path)) from error
    limit = int(largest_mb * _MEGABYTE)
    problems = _refusals(path, members, limit, largest_ratio, most_files)
    if problems:
        raise SourceError(*problems)


def _members(archive: zipfile.ZipFile) -> list[tuple[zipfile.ZipInfo, str]]:
    """Give the files with their decoded names, without folders and the systems' own litter."""
    found = []
    for info in archive.infolist():
        name = info.filename
        if not info.flag_bits & _UTF8_FLAG:
            name = _decoded(name)
        if not info.is_dir() and not name.startswith(_JUNK) and not name.endswith(_JUNK):
            found.append((info, name))
    return found


def _decoded(name: str) -> str:
    """Undo the reading of unmarked names as code page 437: try UTF-8, then GBK."""
    try:
        raw = name.encode("cp437")
    except UnicodeEncodeError:
        return name
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return name


def _refusals(
    path: Path,
    members: list[tuple[zipfile.ZipInfo, str]],
    largest_bytes: int,
    largest_ratio: float,
    most_files: int,
) -> list[Problem]:
    problems = []
    if len(members) > most_files:
        zh, en = (
            f"文件数 {len(members)} 超过上限 {most_files}",
            f"{len(members)} files, limit {most_files}",
        )
        problems.append(Problem(zh, en, path=path, rule="archives.most_files"))
    total = sum(info.file_size for info, _ in members)
    if total > largest_bytes:
        problems.append(_too_large(path, total, largest_bytes))
    seen: set[str] = set()
    for info, name in members[: most_files + 1]:
        reason = _refusal(info, name, largest_ratio, seen)
        seen.add(name.casefold())
        if reason is not None:
            problems.append(Problem(reason[0], reason[1], path=path, row=name, rule="archives"))
    return problems


def _refusal(
    info: zipfile.ZipInfo, name: str, largest_ratio: float, seen: set[str]
) -> tuple[str, str] | None:
    ratio = info.file_size / max(info.compress_size, 1)
    rules = (
        (_leads_outside(name), "路径指向压缩包之外", "the path leads outside the archive"),
        (stat.S_ISLNK(info.external_attr >> 16), "包含符号链接", "a symbolic link"),
        (bool(info.flag_bits & _ENCRYPTED_FLAG), "文件已加密", "the file is encrypted"),
        (
            PurePosixPath(name).suffix.lower() in _NESTED,
            "压缩包内含压缩包，请先解压",
            "an archive inside the archive: unpack it first",
        ),
        (name.casefold() in seen, "文件名重复", "the name occurs twice"),
        (
            ratio > largest_ratio and info.file_size > _BLOCK,
            f"压缩比 {ratio:.0f} 过大",
            f"packed {ratio:.0f} to 1, limit {largest_ratio:g}",
        ),
    )
    return next(((zh, en) for broken, zh, en in rules if broken), None)


def _leads_outside(name: str) -> bool:
    windows = PureWindowsPath(name)
    rooted = bool(windows.drive or windows.root) or name.startswith("/")
    return rooted or ".." in windows.parts or "\x00" in name


def _extract(
    archive: zipfile.ZipFile, members: list[tuple[zipfile.ZipInfo, str]], folder: Path
) -> None:
    """Write the files; `zipfile` gives no more bytes than the archive states, so limits hold."""
    for info, name in members:
        target = folder.joinpath(*PureWindowsPath(name).parts)
        target.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(info) as packed, target.open("xb") as plain:
            shutil.copyfileobj(packed, plain, _BLOCK)


def _too_large(path: Path, size: int, limit: int) -> Problem:
    return Problem(
        f"解压后至少 {size / _MEGABYTE:.0f} MB，超过上限 {limit / _MEGABYTE:.0f} MB",
        f"unpacks to at least {size / _MEGABYTE:.0f} MB, limit {limit / _MEGABYTE:.0f} MB",
        path=path,
        rule="archives.largest_mb",
        remedy_zh="确认来源可靠后在研究文件中调高上限，或先解压",
        remedy_en="if you trust the source raise the limit in the study file, or unpack it first",
    )
