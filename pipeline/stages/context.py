"""What a stage is given: its settings, its inputs, and a place to write."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pipeline.atomic import atomic_write, discard, drafted, put_in_place
from pipeline.errors import LayerError, Problem
from pipeline.stages.flow import StageSpec
from pipeline.stages.layer_files import read_layer, read_table
from pipeline.stages.parts import PartBasis, Parts
from pipeline.stages.tables_read import columns_digest, digest_now, promised, sha256
from pipeline.workspace import Workspace

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

    from pipeline.settings.base import Section
    from pipeline.settings.inputs import TableInput
    from pipeline.study import Study

T = TypeVar("T")


class StageContext:
    """The doors of one stage; what its contract does not name stays shut.

    Parameters
    ----------
    spec
        The stage's contract.
    study
        The resolved study.
    workspace
        Where the study's layers and outputs live.
    """

    def __init__(self, spec: StageSpec, study: Study, workspace: Workspace) -> None:
        self.spec = spec
        self.workspace = workspace
        self.log = logging.getLogger(f"parkgap.{spec.name}")
        self._study = study.only(spec.set_by)
        self._written: dict[str, str] = {}
        self._drafts: dict[str, Path] = {}
        self._notices: list[dict[str, str]] = []
        self._promises: dict[str, dict[str, str]] = {}
        self._read: dict[str, str | None] = {}
        self._manifests: dict[str, dict[str, Any]] = {}
        self._digests: dict[str, str | None] = {}
        self._narrow: dict[tuple[str, ...], tuple[Study, str]] = {}
        self._parts = Parts()

    @property
    def crs(self) -> str:
        """The working CRS, in metres."""
        return self._study.study.crs

    def settings(self, section: str) -> Any:  # noqa: ANN401
        """Give what the stage declared of a section; asking it for more is an AssertionError."""
        found: Section = self._study.section(section)
        return found

    def input(self, role: str) -> TableInput | None:
        """Give the table declared for a role, or None when the study has none."""
        self._declared(role, self.spec.inputs, "inputs")
        table: TableInput | None = getattr(self._study.inputs, role)
        return table

    def file(self, role: str) -> Path | None:
        """Give the file declared for a role that is one file, or None when the study has none."""
        self._declared(role, self.spec.inputs, "inputs")
        found: Path | None = getattr(self._study.inputs, role)
        return found

    def extract(self) -> Path | None:
        """Give the OSM extract, or None when the study has none."""
        self._declared("osm_extract", self.spec.inputs, "inputs")
        return self._study.inputs.osm_extract

    def frame(self, stage: str, name: str, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """Read a plain table an earlier stage wrote.

        Of a table of which a stage reads some columns only, it rests on these alone.
        """
        if columns is None:
            return read_table(self._existing(stage, name))
        path = self._existing(stage, name, noted=False)
        self._note(f"{stage}/{name}?{','.join(columns)}", columns_digest(path, columns))
        return read_table(path, columns)

    def layer(self, stage: str, name: str) -> gpd.GeoDataFrame:
        """Read a layer an earlier stage wrote; its CRS must be the working CRS."""
        path = self._existing(stage, name)
        found = read_layer(path, self.crs)
        if found.crs is None or found.crs != self.crs:
            raise LayerError(
                Problem(
                    zh=f"图层坐标系为 {found.crs}，应为 {self.crs}",
                    en=f"the layer is in {found.crs}, not in {self.crs}",
                    path=path,
                )
            )
        return found

    def path(self, stage: str, name: str) -> Path:
        """Give the path of any file an earlier stage wrote."""
        return self._existing(stage, name)

    def path_if_any(self, stage: str, name: str) -> Path | None:
        """Give the path of a file that an earlier stage may have written, None where it did not."""
        self._declared(stage, self.spec.needs, "needs")
        path = self.workspace.output(stage, name)
        self._note(f"{stage}/{name}", self._promised(stage).get(name))
        return path if path.is_file() else None

    def manifest(self, stage: str) -> dict[str, Any]:
        """Read what an earlier stage says of itself: its basis and its files."""
        path, told = self._manifest(stage)
        self._note(f"{stage}/{path.name}", sha256(path))
        return told

    def basis(self, stage: str) -> dict[str, Any]:
        """Read what the tables of an earlier stage rest on: settings, code, libraries.

        Who reads no more of a manifest rests on this alone, whatever those tables hold.
        """
        path, told = self._manifest(stage)
        found: dict[str, Any] = told["basis"]
        name = f"{stage}/{path.name}?basis"
        self._note(name, self._digest_now(name))
        return found

    def _manifest(self, stage: str) -> tuple[Path, dict[str, Any]]:
        self._declared(stage, self.spec.needs, "needs")
        path = self.workspace.manifest(stage)
        if stage not in self._manifests:
            self._manifests[stage] = json.loads(path.read_text(encoding="utf-8"))
        return path, self._manifests[stage]

    def resume(self, told: Mapping[str, Any]) -> None:
        """Let parts stand that are as the stage's record tells of its last run.

        Code, libraries and sources must be those of then; the settings may be others.
        """
        self._parts = Parts(told["parts"], told["files"])

    def part(
        self,
        name: str,
        write: Callable[[], None],
        *,
        set_by: Sequence[str] = (),
        made_from: str | None = None,
    ) -> None:
        """Compute one part of the stage, unless it would write what it wrote last, byte by byte.

        It would when the settings it is set by and every table that the stage read before its
        parts, or in this part, are as they were then. Its files, untouched, are promised anew.

        Parameters
        ----------
        name
            Unlike that of any other part of the stage.
        write
            Reads and writes through this context. All else it is given must come from what the
            stage read outside of parts, and from no settings but these.
        set_by
            The settings, by paths that `Section.only` takes; those of the inputs count without
            being named. Asking for another in the part is an AssertionError.
        made_from
            Tells in full what `write` was given; the part then rests on this instead of on what the
            stage read outside of parts.
        """
        whole = self._study
        narrow, settings = self._narrowed(tuple(set_by))
        basis = PartBasis(settings, made_from)
        told = self._parts.standing(name, basis, self._digest_now, self._untouched)
        if told is not None:
            own = f"{self.spec.name}/"  # of these the parts alone take note
            self._read |= {k: v for k, v in told["read"].items() if not k.startswith(own)}
            self._written |= {file: self._parts.files[file] for file in told["files"]}
            self._notices += told["notices"]
            self.log.info("%s: nothing that it reads has changed, its files stand", name)
            return
        self._study = narrow
        try:
            with self._parts.computing(name, basis, self._written, self._notices):
                write()
        finally:
            self._study = whole

    def _narrowed(self, set_by: tuple[str, ...]) -> tuple[Study, str]:
        """Give the settings of a part, and their hash."""
        if set_by not in self._narrow:
            inputs = (f"inputs.{role}" for role in self.spec.inputs)
            narrow = self._study.only((*set_by, *inputs))
            self._narrow[set_by] = narrow, narrow.digest()
        return self._narrow[set_by]

    def _digest_now(self, name: str) -> str | None:
        stage, _, table = name.partition("/")
        if stage == self.spec.name:
            return self._written.get(table)
        if name not in self._digests:  # nobody writes these while the stage runs
            self._digests[name] = digest_now(self.workspace, name, self._promised(stage))
        return self._digests[name]

    def _untouched(self, name: str, digest: str) -> bool:
        path = self.workspace.output(self.spec.name, name)
        return path.is_file() and sha256(path) == digest

    def _note(self, name: str, digest: str | None) -> None:
        self._read[name] = digest
        self._parts.note(name, digest)

    def _promised(self, stage: str) -> dict[str, str]:
        if stage not in self._promises:
            self._promises[stage] = promised(self.workspace.manifest(stage))
        return self._promises[stage]

    def put(self, name: str, frame: pd.DataFrame) -> None:
        """Write a table or layer as Parquet, atomically, and list it in the manifest."""
        with self.writing(name) as temporary:
            frame.to_parquet(temporary, index=False)
        self.log.info("wrote %s, %d rows", name, len(frame))

    @contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        """Give a path for an output of any kind; list it when the block ends well.

        The output takes its place in `finish`, together with all others of the stage: until then
        the earlier results stand as they were.
        """
        self._forget(name)
        with drafted(self.workspace.output(self.spec.name, name)) as temporary:
            yield temporary
        self._written[name] = sha256(temporary)
        self._drafts[name] = temporary

    def written(self, name: str) -> Path:
        """Give the path at which an output of this stage can be read, before `finish` and after."""
        return self._drafts.get(name) or self.workspace.output(self.spec.name, name)

    def notice(self, zh: str, en: str) -> None:
        """Tell the person who runs the study something they should know of this stage's result."""
        self.log.warning("%s", en)
        self._notices.append({"zh": zh, "en": en})

    def abandon(self) -> None:
        """Remove what was written but not put in place: the stage failed."""
        for name in list(self._drafts):
            self._forget(name)

    def _forget(self, name: str) -> None:
        draft = self._drafts.pop(name, None)
        if draft is not None:
            discard(draft)

    def track(self, items: Iterable[T], label: str, total: int | None = None) -> Iterable[T]:
        """Show a progress bar over long work; silent when the output is not a terminal."""
        from rich.console import Console

        console = Console(stderr=True)
        if not console.is_terminal:
            return items
        from rich.progress import track

        return track(items, description=label, total=total, console=console)

    def finish(self, basis: dict[str, Any], sources: Mapping[str, str] | None = None) -> Path:
        """Put all outputs in place, then write the manifest: the promise that they are whole.

        Parameters
        ----------
        basis
            What the result rests on beside tables and sources.
        sources
            SHA-256 of the files from outside, by role.

        Raises
        ------
        LayerError
            When the stage did not write an output it declares.
        """
        missing = [name for name in self.spec.outputs if name not in self._written]
        if missing:
            raise LayerError(
                *(
                    Problem(
                        zh=f"阶段 {self.spec.name} 未写出所声明的文件",
                        en=f"stage {self.spec.name} did not write a file it declares",
                        path=name,
                    )
                    for name in missing
                )
            )
        manifest = self.workspace.manifest(self.spec.name)
        manifest.unlink(missing_ok=True)  # it speaks of the earlier files
        for name, draft in self._drafts.items():
            put_in_place(draft, self.workspace.output(self.spec.name, name))
        self._drafts.clear()
        self._drop_stale()
        content = {
            "stage": self.spec.name,
            "basis": basis,
            "files": self._written,
            "notices": self._notices,
            "parts": self._parts.records,
            "read": self._read,
            "sources": dict(sources or {}),
        }
        text = json.dumps(content, ensure_ascii=False, sort_keys=True, indent=1) + "\n"
        atomic_write(self.workspace.record(self.spec.name), text)
        atomic_write(manifest, text)
        return manifest

    def _drop_stale(self) -> None:
        """Remove outputs that an earlier run wrote and this one did not."""
        keep = {self.workspace.output(self.spec.name, name) for name in self._written}
        for family in ("*.parquet", *self.spec.families):
            pattern = self.workspace.output(self.spec.name, family)
            for path in pattern.parent.glob(pattern.name):
                if path not in keep and not path.name.startswith("."):
                    path.unlink()

    def _existing(self, stage: str, name: str, *, noted: bool = True) -> Path:
        self._declared(stage, (*self.spec.needs, self.spec.name), "needs")
        own = stage == self.spec.name
        path = self.written(name) if own else self.workspace.output(stage, name)
        if not path.is_file():
            raise LayerError(
                Problem(
                    zh=f"缺少阶段 {stage} 的输出",
                    en=f"the output of stage {stage} is missing",
                    path=path,
                    remedy_zh=f"先运行 parkgap stage {stage}",
                    remedy_en=f"run `parkgap stage {stage}` first",
                )
            )
        if own:
            self._parts.note(f"{stage}/{name}", self._written.get(name))
        elif noted:
            self._note(f"{stage}/{name}", self._promised(stage).get(name))
        return path

    def _declared(self, name: str, allowed: tuple[str, ...], kind: str) -> None:
        if name not in allowed:
            msg = f"stage {self.spec.name} uses {name!r} but flow.py does not list it in {kind}"
            raise AssertionError(msg)
