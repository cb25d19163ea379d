"""Read a static GTFS feed within limits and pick the trips of a service date.

pandas reads the tables itself: gtfs-kit (MIT, maintained) unpacks an archive without limits, wants
rtree and json2html on top and has no headways, so it serves as the tests' second opinion;
partridge has seen no release since 2023.
"""

from __future__ import annotations

import csv
import io
import logging
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path, PurePosixPath

import pandas as pd

from pipeline.errors import FieldError, Problem, SourceError
from pipeline.settings.rail import GtfsSettings

logger = logging.getLogger(__name__)

MEGABYTE = 1_000_000
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
ADDED, REMOVED = "1", "2"

REQUIRED = {
    "stops": ("stop_id", "stop_lat", "stop_lon"),
    "routes": ("route_id", "route_type"),
    "trips": ("trip_id", "route_id", "service_id"),
    "stop_times": ("trip_id", "stop_id", "stop_sequence", "arrival_time", "departure_time"),
}
OPTIONAL = {
    "calendar": ("service_id", *WEEKDAYS, "start_date", "end_date"),
    "calendar_dates": ("service_id", "date", "exception_type"),
    "frequencies": ("trip_id", "start_time", "end_time", "headway_secs"),
}


@dataclass(frozen=True)
class Feed:
    """The tables of a feed, every cell as text without blanks; an absent table is empty."""

    path: Path
    stops: pd.DataFrame
    routes: pd.DataFrame
    trips: pd.DataFrame
    stop_times: pd.DataFrame
    calendar: pd.DataFrame
    calendar_dates: pd.DataFrame
    frequencies: pd.DataFrame

    def __repr__(self) -> str:
        """Describe the feed in one line."""
        return (
            f"Feed({self.path.name}: {len(self.stops)} stops, {len(self.routes)} routes, "
            f"{len(self.trips)} trips, {len(self.stop_times)} stop times)"
        )


def read_feed(path: Path, *, limits: GtfsSettings) -> Feed:
    """Read a zipped GTFS feed into memory; nothing is unpacked to disk.

    Parameters
    ----------
    path
        The archive; its tables lie at the top or together in one folder.
    limits
        Archive size, number of files and unpacked size that are accepted.

    Raises
    ------
    SourceError
        When the archive is missing, damaged, encrypted, beyond the limits, names paths outside
        itself, or lacks a required table.
    FieldError
        When tables lack columns or refer to stops and trips that do not exist.
    """
    try:
        if path.stat().st_size > limits.max_zip_mb * MEGABYTE:
            raise SourceError(_limit(path, "max_zip_mb", limits.max_zip_mb, "MB"))
        with zipfile.ZipFile(path) as archive:
            members = _members(path, archive, limits)
            tables = dict(_tables(path, archive, members, limits))
    except (OSError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise SourceError(_unreadable(path, str(error))) from error
    feed = Feed(path=path, **tables)
    _check_references(feed)
    for days in (feed.calendar["start_date"], feed.calendar["end_date"]):
        for day in days.unique():
            _day(feed, day)
    logger.info("read %r", feed)
    return feed


def _members(
    path: Path, archive: zipfile.ZipFile, limits: GtfsSettings
) -> dict[str, zipfile.ZipInfo]:
    """Map table names to archive members after checking every name and size."""
    infos = [info for info in archive.infolist() if not info.is_dir()]
    problems = []
    if len(infos) > limits.max_files:
        problems.append(_limit(path, "max_files", limits.max_files, ""))
    if sum(info.file_size for info in infos) > limits.max_unpacked_mb * MEGABYTE:
        problems.append(_limit(path, "max_unpacked_mb", limits.max_unpacked_mb, "MB"))
    problems += [_unsafe(path, info.filename) for info in infos if _leaves(info.filename)]
    encrypted = [info.filename for info in infos if info.flag_bits & 1]
    problems += [_unreadable(path, f"{name} is encrypted") for name in encrypted]
    wanted = [info for info in infos if PurePosixPath(info.filename).stem in REQUIRED | OPTIONAL]
    wanted = [info for info in wanted if info.filename.endswith(".txt")]
    wanted = [info for info in wanted if "__MACOSX" not in info.filename]
    names = [PurePosixPath(info.filename).stem for info in wanted]
    for name in sorted({name for name in names if names.count(name) > 1}):
        problems.append(_unreadable(path, f"{name}.txt appears more than once"))
    missing = [f"{name}.txt" for name in REQUIRED if name not in names]
    if not {"calendar", "calendar_dates"} & set(names):
        missing.append("calendar.txt / calendar_dates.txt")
    problems += [_missing(path, name) for name in missing]
    if problems:
        raise SourceError(*problems)
    return dict(zip(names, wanted, strict=True))


def _leaves(name: str) -> bool:
    """Tell whether a member's name points outside the folder it would be unpacked to."""
    parts = PurePosixPath(name.replace("\\", "/"))
    return parts.is_absolute() or ".." in parts.parts or ":" in name or "\0" in name


def _tables(
    path: Path,
    archive: zipfile.ZipFile,
    members: dict[str, zipfile.ZipInfo],
    limits: GtfsSettings,
) -> Iterator[tuple[str, pd.DataFrame]]:
    left = int(limits.max_unpacked_mb * MEGABYTE)
    problems = []
    for name, columns in (REQUIRED | OPTIONAL).items():
        if name not in members:
            yield name, pd.DataFrame(columns=list(columns), dtype=str)
            continue
        # The size in the archive's directory is a claim; what is read is counted.
        with archive.open(members[name]) as member:
            content = member.read(left + 1)
        left -= len(content)
        if left < 0:
            raise SourceError(_limit(path, "max_unpacked_mb", limits.max_unpacked_mb, "MB"))
        table = _parse(path, name, content)
        absent = [column for column in columns if column not in table.columns]
        problems += [_no_column(path, name, column) for column in absent]
        yield name, table
    if problems:
        raise FieldError(*problems)


def _parse(path: Path, name: str, content: bytes) -> pd.DataFrame:
    try:
        text = content.decode("utf-8-sig")
        table = pd.read_csv(
            io.StringIO(text), dtype=str, keep_default_na=False, skipinitialspace=True
        )
    except (
        UnicodeDecodeError,
        pd.errors.ParserError,
        pd.errors.EmptyDataError,
        csv.Error,
    ) as error:
        raise SourceError(_unreadable(path, f"{name}.txt: {error}")) from error
    return pd.DataFrame({str(name).strip(): table[name].str.strip() for name in table.columns})


def _check_references(feed: Feed) -> None:
    checks = (
        ("stop_times", feed.stop_times["stop_id"], feed.stops["stop_id"]),
        ("stop_times", feed.stop_times["trip_id"], feed.trips["trip_id"]),
        ("trips", feed.trips["route_id"], feed.routes["route_id"]),
        ("frequencies", feed.frequencies["trip_id"], feed.trips["trip_id"]),
    )
    problems = []
    for table, used, known in checks:
        if lost := sorted(set(used) - set(known)):
            problems.append(_dangling(feed.path, table, str(used.name), lost))
    for table, ids in (("stops", feed.stops["stop_id"]), ("trips", feed.trips["trip_id"])):
        if ids.duplicated().any():
            twice = sorted(set(ids[ids.duplicated()]))
            problems.append(
                Problem(
                    zh=f"{ids.name} 重复：{', '.join(twice[:5])}",
                    en=f"{ids.name} repeats: {', '.join(twice[:5])}",
                    path=feed.path,
                    row=f"{table}.txt",
                    rule=str(ids.name),
                )
            )
    if problems:
        raise FieldError(*problems)


def seconds(times: pd.Series) -> pd.Series:
    """Read times of the form H:MM:SS as seconds after the service day's midnight.

    Hours may pass 24. An empty time is null; anything else raises `FieldError` with its rows.
    """
    parts = times.str.extract(r"^(\d{1,3}):([0-5]\d):([0-5]\d)$")
    wrong = times[parts[0].isna() & (times != "")]
    if len(wrong):
        raise FieldError(
            *(
                Problem(
                    zh=f"时间「{value}」不是 HH:MM:SS",
                    en=f"time {value!r} is not HH:MM:SS",
                    row=f"{times.name} [{row}]",
                    rule="HH:MM:SS",
                )
                for row, value in wrong.head(20).items()
            )
        )
    numbers = parts.astype(float)
    return numbers[0] * 3600 + numbers[1] * 60 + numbers[2]


def service_range(feed: Feed) -> tuple[date, date]:
    """Give the first and the last date on which the feed may run a service."""
    added = feed.calendar_dates.loc[feed.calendar_dates["exception_type"] == ADDED, "date"]
    days = pd.concat([feed.calendar["start_date"], feed.calendar["end_date"], added])
    if days.empty:
        raise SourceError(_unreadable(feed.path, "no service runs on any date"))
    return _day(feed, min(days)), _day(feed, max(days))


def _day(feed: Feed, text: str) -> date:
    try:
        return date.fromisoformat(f"{text[:4]}-{text[4:6]}-{text[6:]}")
    except ValueError as error:
        problem = Problem(
            zh=f"日期「{text}」不是 YYYYMMDD",
            en=f"date {text!r} is not YYYYMMDD",
            path=feed.path,
            row="calendar.txt, calendar_dates.txt",
            rule="YYYYMMDD",
        )
        raise FieldError(problem) from error


def services_on(feed: Feed, day: date) -> set[str]:
    """Give the services that run on a date: the weekly calendar, then its exceptions."""
    stamp = day.strftime("%Y%m%d")
    weekly = feed.calendar
    in_range = (weekly["start_date"] <= stamp) & (stamp <= weekly["end_date"])
    running = set(weekly.loc[in_range & (weekly[WEEKDAYS[day.weekday()]] == "1"), "service_id"])
    today = feed.calendar_dates[feed.calendar_dates["date"] == stamp]
    running |= set(today.loc[today["exception_type"] == ADDED, "service_id"])
    return running - set(today.loc[today["exception_type"] == REMOVED, "service_id"])


def trips_on(feed: Feed, day: date, *, route_types: Iterable[int] | None) -> pd.DataFrame:
    """List the trips that run on a date and, after midnight, those of the day before.

    Parameters
    ----------
    route_types
        GTFS route types to keep (1 metro, 2 rail, 3 bus ...); `None` keeps all.

    Returns
    -------
    trips
        The feed's trips with `day_shift_s` (0, or -86400 for trips of the day before, whose times
        past 24:00 fall on this date).

    Raises
    ------
    SourceError
        When no trip runs on the date; the message states the feed's dates.
    """
    trips = feed.trips
    if route_types is not None:
        kinds = {str(kind) for kind in route_types}
        kept = feed.routes.loc[feed.routes["route_type"].isin(kinds), "route_id"]
        trips = trips[trips["route_id"].isin(kept)]
    today = trips[trips["service_id"].isin(services_on(feed, day))]
    if today.empty:
        first, last = service_range(feed)
        problem = Problem(
            zh=f"{day} 没有班次（数据覆盖 {first} 至 {last}）",
            en=f"no trip runs on {day} (the feed covers {first} to {last})",
            path=feed.path,
            rule="service date",
            remedy_zh="改用覆盖期内的日期",
            remedy_en="choose a date within the feed's dates",
        )
        raise SourceError(problem)
    before = trips[trips["service_id"].isin(services_on(feed, day - timedelta(days=1)))]
    shifted = [today.assign(day_shift_s=0), before.assign(day_shift_s=-86_400)]
    return pd.concat(shifted, ignore_index=True)


def _limit(path: Path, rule: str, limit: float, unit: str) -> Problem:
    return Problem(
        zh=f"超过上限 {limit:g} {unit}".strip(),
        en=f"beyond the limit of {limit:g} {unit}".strip(),
        path=path,
        rule=rule,
        remedy_zh="确认来源可信后提高该设置",
        remedy_en="raise the setting if you trust the source",
    )


def _unsafe(path: Path, name: str) -> Problem:
    return Problem(
        zh=f"压缩包内路径越界：{name}",
        en=f"the archive names a path outside itself: {name}",
        path=path,
        rule="path traversal",
        remedy_zh="不要使用该文件，向发布者索取完好的数据",
        remedy_en="do not use this file; ask its publisher for a sound one",
    )


def _unreadable(path: Path, why: str) -> Problem:
    return Problem(
        zh=f"无法读取 GTFS 数据（{why}）",
        en=f"cannot read the GTFS feed ({why})",
        path=path,
        remedy_zh="检查路径，或重新下载压缩包",
        remedy_en="check the path or download the archive again",
    )


def _missing(path: Path, name: str) -> Problem:
    return Problem(zh=f"缺少 {name}", en=f"{name} is missing", path=path, rule="GTFS")


def _no_column(path: Path, table: str, column: str) -> Problem:
    return Problem(
        zh=f"缺少字段 {column}",
        en=f"column {column} is missing",
        path=path,
        row=f"{table}.txt",
        rule=column,
    )


def _dangling(path: Path, table: str, column: str, lost: list[str]) -> Problem:
    shown = ", ".join(lost[:5])
    return Problem(
        zh=f"{len(lost)} 个 {column} 不存在：{shown}",
        en=f"{len(lost)} values of {column} do not exist: {shown}",
        path=path,
        row=f"{table}.txt",
        rule=column,
    )
