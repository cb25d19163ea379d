"""Document how commands end and what they tell machines, from the code."""

from __future__ import annotations

from pipeline.errors import MEANINGS, ExitCode
from pipeline.log_events import EVENTS, PROBLEM_KEYS

_HEAD = """# 退出码与机器可读日志 / Exit codes and logs for machines

由 `parkgap docs` 写出 / written by `parkgap docs`.

失败的命令绝不以 0 结束；同时有多处问题时一次全部列出，每处写明文件、行、规则与办法。
错误写在标准错误流，成果与进度写在标准输出。
A command that failed never ends with 0. All problems are listed at once, each with its file, row,
rule and remedy. Errors go to the error stream, results and progress to the output stream.
"""
_LOGS = """
## `--json`

`run`、`stage`、`stages` 加 `--json` 后，标准输出每行一个 JSON 对象，以 `event` 区分。
With `--json`, `run`, `stage` and `stages` write one JSON object to a line, told apart by `event`.

| event | 何时 when | 键 keys |
|---|---|---|
"""
_AFTER = """
`problems` 的每一项有 {keys}，不适用者为 null。
Each of the `problems` has these keys, null where one does not apply.

`parkgap check --json` 写一个对象：`path`、`ok`、`layer`（格式、行数、编码、坐标系、基准及依据）、
`fields`、`datum`、`findings`（`code`、`severity`、`zh`、`en`、`count`、`examples` 等）；
`ok` 为假时退出码为 {source}。
`parkgap check --json` writes one object: `path`, `ok`, `layer` (how it was read: format, rows,
encoding, CRS, datum, each with its basis), `fields`, `datum` and `findings`; it exits with {source}
when `ok` is false.

反馈缺陷时请附 `parkgap --version` 的一行、命令、退出码与该阶段的日志。
To report a defect send the line of `parkgap --version`, the command, its exit code and the log of
the stage.

各阶段自己的日志在 `layers/built/<study>/logs/`；失败原因另存为 `<stage>.failure.json`。
Each stage logs to `layers/built/<study>/logs/`; why it failed is also in `<stage>.failure.json`.
"""


def render_exit_codes() -> str:
    """Write the table of exit codes and of the lines of `--json`."""
    codes = [
        f"| {int(code)} | `{code.name.lower()}` | {MEANINGS[code][0]}<br>{MEANINGS[code][1]} |"
        for code in ExitCode
    ]
    events = [
        f"| `{name}` | {zh}<br>{en} | {', '.join(f'`{key}`' for key in keys)} |"
        for name, (zh, en, keys) in EVENTS.items()
    ]
    table = ["", "| 码 code | 名 name | 含义 meaning |", "|---|---|---|", *codes, ""]
    after = _AFTER.format(
        keys=", ".join(f"`{key}`" for key in PROBLEM_KEYS), source=int(ExitCode.SOURCE)
    )
    return _HEAD + "\n".join(table) + _LOGS + "\n".join(events) + "\n" + after
