"""Tell which file of a study is to be fetched, and with what checksum."""

from __future__ import annotations

from pipeline.errors import Problem, StudyError
from pipeline.settings.inputs import InputSettings


def wanted_file(
    inputs: InputSettings, source: str | None, sha256: str | None
) -> tuple[str, str | None]:
    """Choose the address and checksum: what is given, else those of the study's extract.

    The study's checksum holds for the study's own address alone.

    Raises
    ------
    StudyError
        Nothing is given and the study names no address.
    """
    if source is not None:
        return source, sha256
    if inputs.osm_url is None:
        raise StudyError(
            Problem(
                zh="研究文件没有摘录的下载地址",
                en="the study names no address of an extract",
                rule="inputs.osm_url",
                remedy_zh="写入 inputs.osm_url，或直接给出地址：parkgap fetch https://…osm.pbf",
                remedy_en="set inputs.osm_url, or give an address: parkgap fetch https://….osm.pbf",
            )
        )
    return inputs.osm_url, sha256 or inputs.osm_sha256
