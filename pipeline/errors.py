"""Name what can go wrong, where it stands, and what the user can do about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path


class ExitCode(IntEnum):
    """How a command can end; `docs/exit_codes.md` is written from here."""

    OK = 0
    FAILED = 1
    STUDY = 2
    SOURCE = 3
    CRS = 4
    FIELD = 5
    GEOMETRY = 6
    LAYER = 7
    BUSY = 8
    MEASURE = 9
    MACHINE = 10
    DEFECT = 70
    INTERRUPTED = 130


MEANINGS: Mapping[ExitCode, tuple[str, str]] = {
    ExitCode.OK: ("成功；没有要做的也算成功", "done, or nothing to do"),
    ExitCode.FAILED: (
        "阶段异常终止（例如被系统终止），或读者关闭了管道",
        "a stage ended unexpectedly (killed, for instance), or the reader closed the pipe",
    ),
    ExitCode.STUDY: (
        "命令、研究文件或某个设置有误",
        "the command, the study file or a setting is wrong",
    ),
    ExitCode.SOURCE: (
        "数据文件缺失、损坏、格式不符或超过上限；check 查出问题",
        "a source is missing, damaged, of the wrong format or over a limit; `check` found fault",
    ),
    ExitCode.CRS: (
        "坐标系或基准缺失、不合适或声明有误",
        "a coordinate system or datum is missing, unsuitable or wrongly declared",
    ),
    ExitCode.FIELD: (
        "表缺少字段，或单元格不合规则",
        "a table lacks a field or a cell breaks a rule",
    ),
    ExitCode.GEOMETRY: (
        "几何为空、无法修复或类型不符",
        "a geometry is empty, invalid beyond repair or of the wrong kind",
    ),
    ExitCode.LAYER: (
        "前一阶段的图层缺失或不合约定",
        "a layer of an earlier stage is missing or breaks its contract",
    ),
    ExitCode.BUSY: ("该研究正被另一次运行占用", "another run holds the study"),
    ExitCode.MEASURE: (
        "结果违反守恒等必须成立的规律：程序缺陷",
        "a result breaks a law that must hold: a defect",
    ),
    ExitCode.MACHINE: (
        "本机出错：磁盘满、只读、无权限、文件句柄或内存用尽",
        "the machine refused: disk full, read-only, no permission, no file handles or memory left",
    ),
    ExitCode.DEFECT: (
        "未预料的错误：程序缺陷，请连同日志反馈",
        "an unforeseen error: a defect, please report it with the log",
    ),
    ExitCode.INTERRUPTED: ("被使用者中断 (Ctrl-C)", "interrupted by the user (Ctrl-C)"),
}


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with an input, in both languages.

    `rule` names the rule that was broken (a setting, a field, a method); `row` is the place inside
    the file (a line, a row number, a feature id, a key path).
    """

    zh: str
    en: str
    path: Path | str | None = None
    row: int | str | None = None
    rule: str | None = None
    remedy_zh: str | None = None
    remedy_en: str | None = None

    def __str__(self) -> str:
        """Render as the lines a person reads: where, what (Chinese, English), remedy."""
        place = "" if self.path is None else str(self.path)
        if self.row is not None:
            place += f" [{self.row}]"
        if self.rule is not None:
            place += f" ({self.rule})"
        lines = [f"{place.strip()}: {self.zh} / {self.en}" if place else f"{self.zh} / {self.en}"]
        if self.remedy_zh or self.remedy_en:
            remedy = " / ".join(text for text in (self.remedy_zh, self.remedy_en) if text)
            lines.append(f"  -> {remedy}")
        return "\n".join(lines)


class ParkgapError(Exception):
    """Every error a user can cause or mend; carries all problems found, not just the first."""

    exit_code: int = ExitCode.FAILED

    def __init__(self, *problems: Problem) -> None:
        self.problems: Sequence[Problem] = problems
        super().__init__("\n".join(str(problem) for problem in problems))


class StudyError(ParkgapError):
    """The study file or a setting is wrong."""

    exit_code = ExitCode.STUDY


class SourceError(ParkgapError):
    """A source cannot be read: missing, damaged, of the wrong format, or outside the study."""

    exit_code = ExitCode.SOURCE


class CrsError(ParkgapError):
    """A coordinate system or datum is missing, unsuitable or wrongly declared."""

    exit_code = ExitCode.CRS


class FieldError(ParkgapError):
    """A table lacks a field or a cell breaks the field's rule."""

    exit_code = ExitCode.FIELD


class GeometryError(ParkgapError):
    """A geometry is empty, invalid beyond repair, or of the wrong kind."""

    exit_code = ExitCode.GEOMETRY


class LayerError(ParkgapError):
    """A layer that an earlier stage should have written is missing or breaks its contract."""

    exit_code = ExitCode.LAYER


class BusyError(ParkgapError):
    """Another run holds the study."""

    exit_code = ExitCode.BUSY


class MeasureError(ParkgapError):
    """A computed result breaks a law that must hold (conservation, bounds): a defect, not data."""

    exit_code = ExitCode.MEASURE


class MachineError(ParkgapError):
    """The machine refused: disk full, read-only, no permission, no file handles or memory left."""

    exit_code = ExitCode.MACHINE


class DefectError(ParkgapError):
    """Something nobody foresaw: the program is at fault, not the user."""

    exit_code = ExitCode.DEFECT
