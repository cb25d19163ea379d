"""Tell what the machine refused: a full disk, a forbidden folder, no handles, no memory."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

from pipeline.errors import DefectError, MachineError, ParkgapError, Problem

# Libraries written in C tell of a refusal in words, if at all.
_WORDS = {
    "no space left": errno.ENOSPC,
    "disk is full": errno.ENOSPC,
    "disk full": errno.ENOSPC,
    "file too large": errno.EFBIG,
    "too many open files": errno.EMFILE,
    "read-only file system": errno.EROFS,
    "permission denied": errno.EACCES,
    "unable to open database file": errno.EACCES,
}
_FULL = ("磁盘已满", "the disk is full", "腾出空间后重新运行", "free some space and run again")
_FORBIDDEN = (
    "没有权限",
    "permission denied",
    "检查文件夹的权限，或用 --workspace 换一个位置",
    "check who may write there, or choose another place with --workspace",
)
_HANDLES = (
    "打开的文件过多",
    "too many open files",
    "用 ulimit -n 提高上限，或减少 --cores",
    "raise the limit with ulimit -n, or use fewer --cores",
)
_REFUSALS: dict[int, tuple[str, str, str, str]] = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EFBIG: (
        "文件超过系统允许的大小",
        "the file is larger than the system allows",
        "检查 ulimit -f 与文件系统的上限",
        "check ulimit -f and the limits of the file system",
    ),
    errno.EROFS: (
        "文件系统为只读",
        "the file system is read-only",
        "用 --workspace 换一个可写的位置",
        "choose a place that can be written with --workspace",
    ),
    errno.EACCES: _FORBIDDEN,
    errno.EPERM: _FORBIDDEN,
    errno.EMFILE: _HANDLES,
    errno.ENFILE: _HANDLES,
    errno.ENOMEM: (
        "内存不足",
        "out of memory",
        "关闭其他程序，减少 --cores，或缩小研究范围",
        "close other programs, use fewer --cores, or make the study area smaller",
    ),
}
_PROBE_BYTES = 1 << 20


def refusal(error: BaseException, draft: Path | None = None) -> MachineError | None:
    """Give the named error for what the machine refused; None when something else went wrong.

    Parameters
    ----------
    error
        What was raised; the errors it came from are looked at too.
    draft
        The file that was being written and will be discarded: where the library does not say why it
        failed, writing on shows it.
    """
    for one in _chain(error):
        number = errno.ENOMEM if isinstance(one, MemoryError) else _number(one)
        if number is not None:
            name = getattr(one, "filename", None)
            return _named(number, name if isinstance(name, str) else draft, one)
    refused = None if draft is None else _probed(draft)
    return None if refused is None else refusal(refused)


def named_error(error: Exception) -> ParkgapError:
    """Give any error a name: the machine's refusal, or a defect of the program."""
    if isinstance(error, ParkgapError):
        # A reader may have taken the machine's refusal for a fault of the file.
        refused = isinstance(error.__cause__, OSError | MemoryError)
        return (refusal(error.__cause__) if refused and error.__cause__ else None) or error
    found = refusal(error)
    if found is not None:
        return found
    place = None
    trace = error.__traceback__
    while trace is not None:
        place = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
        trace = trace.tb_next
    said = f"{type(error).__name__}: {error}"
    return DefectError(
        Problem(
            zh=f"未预料的错误：{said}",
            en=f"an unforeseen error: {said}",
            row=place,
            rule="defect",
            remedy_zh="这是程序缺陷，请连同日志反馈；设 PARKGAP_TRACEBACK=1 可看调用栈",
            remedy_en="a defect of the program, please report it with the log; "
            "PARKGAP_TRACEBACK=1 shows where it happened",
        )
    )


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        yield one
        one = one.__cause__ or one.__context__


def _number(error: BaseException) -> int | None:
    number = error.errno if isinstance(error, OSError) else None
    if number in _REFUSALS:
        return number
    said = str(error).casefold()
    return next((code for words, code in _WORDS.items() if words in said), None)


def _probed(draft: Path) -> OSError | None:
    """Write on at the end of a draft; gives what the machine has against it."""
    try:
        with draft.open("ab") as handle:
            handle.write(bytes(_PROBE_BYTES))
            handle.flush()
            os.fsync(handle.fileno())
    except OSError as error:
        return error
    return None


def _named(number: int, place: Path | str | None, error: BaseException) -> MachineError:
    zh, en, remedy_zh, remedy_en = _REFUSALS[number]
    return MachineError(
        Problem(
            zh=zh,
            en=f"{en} ({error})" if str(error) else en,
            path=place,
            rule=errno.errorcode[number],
            remedy_zh=remedy_zh,
            remedy_en=f"{remedy_en}; earlier results are as they were",
        )
    )
