"""Name the lines that `--json` writes for machines."""

from __future__ import annotations

from collections.abc import Mapping

#: By their `event`: when each is written, in Chinese and English, and which keys it has.
EVENTS: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "plan": (
        "每个阶段一行，在运行之前：是否需要运行、原因、所需阶段",
        "one for each stage, before anything runs: whether it must run, why, what it needs",
        ("stage", "stale", "reason", "needs"),
    ),
    "start": ("一个阶段开始", "a stage starts", ("stage",)),
    "done": (
        "一个阶段完成；用时（秒）；所读内容未变而沿用原结果时 stood 为真",
        "a stage is done; seconds; `stood` where nothing it reads had changed and its results stay",
        ("stage", "seconds", "stood"),
    ),
    "profile": (
        "`--profile`：每个阶段一行，用时、处理器时间、峰值内存、读写字节",
        "`--profile`: one for each stage: time, processor time, peak memory, bytes moved",
        ("stage", "wall_s", "cpu_s", "peak_mb", "read_mb", "written_mb", "this_run"),
    ),
    "notice": (
        "某个已运行的阶段要让使用者知道的事",
        "what a stage that ran wants the user to know",
        ("stage", "zh", "en"),
    ),
    "end": (
        "全部完成：运行与保留的阶段数、成果文件夹",
        "everything is done: stages run and kept, the folder of the results",
        ("ran", "kept", "outputs"),
    ),
    "failed": (
        "失败：退出码与全部问题",
        "it failed: the exit code and all problems",
        ("exit_code", "problems"),
    ),
}
#: What each of the `problems` of a failure says; null where it does not apply.
PROBLEM_KEYS = ("zh", "en", "path", "row", "rule", "remedy_zh", "remedy_en")
