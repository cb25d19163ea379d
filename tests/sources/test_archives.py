"""Archives that would harm the machine are refused, and every reason is named."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

import pytest

from pipeline.errors import SourceError
from pipeline.settings.sources import ArchiveSettings
from pipeline.sources.archives import require_harmless, unpacked

LIMITS = {"largest_mb": 4.0, "largest_ratio": 200.0, "most_files": 10}


def _zip(path: Path, members: dict[str, bytes], *, pack: bool = True) -> Path:
    kind = zipfile.ZIP_DEFLATED if pack else zipfile.ZIP_STORED
    with zipfile.ZipFile(path, "w", kind) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def _refused(path: Path, **limits: float) -> str:
    with pytest.raises(SourceError) as raised, unpacked(path, **(LIMITS | limits)):
        pytest.fail("was unpacked")
    return str(raised.value)


def test_files_come_out_and_the_folder_goes(tmp_path: Path) -> None:
    path = _zip(tmp_path / "a.zip", {"in/a.csv": b"1", "__MACOSX/a": b"x", "b.txt": b"2"})
    with unpacked(path, **ArchiveSettings().model_dump()) as folder:
        names = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
        assert names == ["b.txt", "in/a.csv"]
    assert not folder.exists()


@pytest.mark.parametrize(
    "name", ["../a.txt", "/etc/a.txt", "in/../../a.txt", "..\\a.txt", "C:\\a.txt", "\\\\host\\a"]
)
def test_paths_that_lead_outside(tmp_path: Path, name: str) -> None:
    assert "leads outside" in _refused(_zip(tmp_path / "a.zip", {name: b"x"}))
    assert not (tmp_path.parent / "a.txt").exists()


def test_links_encryption_nesting_and_twins(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("inner.ZIP", b"PK")
        archive.writestr("A.csv", b"1")
        archive.writestr("a.csv", b"2")
    message = _refused(path)
    for reason in ("symbolic link", "archive inside the archive", "occurs twice"):
        assert reason in message
    raw = bytearray(_zip(tmp_path / "b.zip", {"a.csv": b"1"}).read_bytes())
    raw[6] |= 1  # the flags in the local header and in the central directory
    raw[raw.rindex(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "b.zip").write_bytes(raw)
    assert "encrypted" in _refused(tmp_path / "b.zip")


def test_bombs(tmp_path: Path) -> None:
    path = _zip(tmp_path / "a.zip", {"a.csv": b"0" * 3_000_000})
    assert "limit 200" in _refused(path)
    many = _zip(tmp_path / "b.zip", {f"{i}.csv": b"0" for i in range(11)})
    assert "11 files, limit 10" in _refused(many)
    large = _zip(tmp_path / "c.zip", {f"{i}.csv": b"0" * 900_000 for i in range(5)})
    assert "limit 4 MB" in _refused(large)
    with pytest.raises(SourceError, match="limit 4 MB"):
        require_harmless(large, **LIMITS)


def test_a_size_that_lies_is_damage(tmp_path: Path) -> None:
    path = _zip(tmp_path / "a.zip", {"a.csv": b"0123456789" * 100_000})
    raw = bytearray(path.read_bytes())
    for mark, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        start = raw.rindex(mark) + at
        raw[start : start + 4] = struct.pack("<I", 10)
    path.write_bytes(raw)
    assert "damaged" in _refused(path, largest_mb=0.5)


def test_damage(tmp_path: Path) -> None:
    path = _zip(tmp_path / "a.zip", {"a.csv": bytes(range(256)) * 40}, pack=False)
    raw = bytearray(path.read_bytes())
    raw[200] ^= 0xFF
    path.write_bytes(raw)
    assert "damaged" in _refused(path)
    (tmp_path / "b.zip").write_bytes(raw[:300])
    assert "damaged" in _refused(tmp_path / "b.zip")


def test_names_in_gbk_are_decoded(tmp_path: Path) -> None:
    path = _zip(tmp_path / "a.zip", {"AAAA.csv": b"1"})
    raw = path.read_bytes().replace(b"AAAA.csv", "园区".encode("gbk") + b".csv")
    path.write_bytes(raw)
    with unpacked(path, **LIMITS) as folder:
        assert (folder / "园区.csv").read_bytes() == b"1"
