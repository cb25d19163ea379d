"""Read a scenario: a small YAML file that says what is different."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.errors import Problem, StudyError
from pipeline.plain_yaml import read_plain_yaml
from pipeline.resources import shipped


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OpenLine(_Closed):
    """A new line through stations in order: ids of planned or of operating stations."""

    kind: Literal["open_line"]
    line_id: str = Field(min_length=1)
    stations: tuple[str, ...] = Field(min_length=2)


class ExtendLine(_Closed):
    """Stations added to a line beside one of its own, listed as one rides away from it.

    `side` says in which direction: `after` towards higher order numbers, `before` towards lower.
    At either end this extends the line.
    """

    kind: Literal["extend_line"]
    line_id: str
    branch: str = "main"
    at: str
    side: Literal["after", "before"] = "after"
    stations: tuple[str, ...] = Field(min_length=1)


class AddHospital(_Closed):
    """One more hospital campus."""

    kind: Literal["add_hospital"]
    name_zh: str
    name_en: str
    lon: float = Field(ge=-180, le=180)
    lat: float = Field(ge=-90, le=90)
    grade: Literal["3A", "3B", "3?", "other"] = "3A"
    hospital_kind: str = "general"


class AddSchool(_Closed):
    """One more school; `variants` are the flags it carries: `v_` columns of the table."""

    kind: Literal["add_school"]
    name_zh: str
    name_en: str
    lon: float = Field(ge=-180, le=180)
    lat: float = Field(ge=-90, le=90)
    level: Literal["primary", "junior", "senior"] = "senior"
    variants: tuple[str, ...] = Field(min_length=1)
    admission_scope: Literal["city", "district"] = "city"
    admission_district_zh: str | None = None


class OpenGate(_Closed):
    """One more way for pedestrians between two points, joined to the nearest mapped streets."""

    kind: Literal["open_gate"]
    name: str
    start: tuple[float, float]
    end: tuple[float, float]


class ChangeNeed(_Closed):
    """Another threshold for the need of a service."""

    kind: Literal["change_need"]
    service: str
    threshold: float = Field(gt=0)


class ChangeSetting(_Closed):
    """Another value for any setting, by its dotted path."""

    kind: Literal["change_setting"]
    setting: str = Field(pattern=r"^[a-z_]+(\.[a-z0-9_]+)+$")
    value: Any


Change = Annotated[
    OpenLine | ExtendLine | AddHospital | AddSchool | OpenGate | ChangeNeed | ChangeSetting,
    Field(discriminator="kind"),
]


class Scenario(_Closed):
    """What is different, in words and as changes."""

    schema_version: Literal[1]
    name_zh: str = Field(min_length=1, max_length=80)
    name_en: str = Field(min_length=1, max_length=80)
    note_zh: str = ""
    note_en: str = ""
    changes: tuple[Change, ...]


def find_scenario(name: str, *, workspace: Path) -> Path:
    """Find a scenario by path, or by name in `studies/scenarios` of the workspace or the package.

    Raises
    ------
    StudyError
        When there is none; the message lists those there are.
    """
    given = Path(name)
    if given.suffix in {".yml", ".yaml"} and given.is_file():
        return given
    folders = [root / "scenarios" for root in (workspace / "studies", shipped("studies"))]
    for folder in folders:
        if (folder / f"{name}.yml").is_file():
            return folder / f"{name}.yml"
    known = sorted({path.stem for folder in folders for path in folder.glob("*.yml")})
    near = difflib.get_close_matches(name, known, n=1)
    raise StudyError(
        Problem(
            zh=f"找不到情景“{name}”",
            en=f"there is no scenario {name!r}",
            rule="scenario",
            remedy_zh=f"现有情景：{'、'.join(known) or '无'}"
            + (f"；最接近：{near[0]}" if near else ""),
            remedy_en=f"scenarios: {', '.join(known) or 'none'}"
            + (f"; nearest match: {near[0]}" if near else ""),
        )
    )


def read_scenario(path: Path) -> Scenario:
    """Read and check a scenario.

    Raises
    ------
    StudyError
        One problem for each key or value that is wrong.
    """
    tree = read_plain_yaml(path, error=StudyError, rule="scenario")
    try:
        return Scenario.model_validate(tree)
    except ValidationError as error:
        raise StudyError(
            *(
                Problem(
                    zh=f"情景的值无效：{detail['input']!r}"[:200],
                    en=detail["msg"],
                    path=path,
                    rule=".".join(str(part) for part in detail["loc"]),
                    remedy_zh="参见 studies/scenarios 中的例子",
                    remedy_en="see the examples in studies/scenarios",
                )
                for detail in error.errors()
            )
        ) from None
