"""Where a study's files live."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Workspace:
    """The folders of one study below a root.

    ``layers/built/<study>/`` holds what the stages hand to each other and the layers people open;
    ``outputs/<study>/`` holds maps, tables and the report.
    """

    root: Path
    study: str

    @property
    def built(self) -> Path:
        """Folder of the study's built layers."""
        return self.root / "layers" / "built" / self.study

    @property
    def outputs(self) -> Path:
        """Folder of the study's maps, tables and report."""
        return self.root / "outputs" / self.study

    @property
    def plan(self) -> Path:
        """The resolved study that the stages of a run read."""
        return self.built / "study.json"

    @property
    def options(self) -> Path:
        """What the last run was asked for beside the study file."""
        return self.built / ".options.json"

    def manifest(self, stage: str) -> Path:
        """Manifest of a stage: exists only while all its outputs are whole."""
        return self.built / stage / "manifest.json"

    def record(self, stage: str) -> Path:
        """Copy of a stage's latest manifest, which stays when the engine takes that away."""
        return self.built / stage / ".manifest.json"

    def output(self, stage: str, name: str) -> Path:
        """Place of an output: ``layers:x`` and ``outputs:x`` are what people open."""
        kind, _, rest = name.rpartition(":")
        folder = {"layers": self.built, "outputs": self.outputs}.get(kind, self.built / stage)
        return folder / rest

    def log(self, stage: str) -> Path:
        """Log of a stage's latest run."""
        return self.built / "logs" / f"{stage}.log"

    def failure(self, stage: str) -> Path:
        """Record of why a stage's latest run failed; absent when it did not."""
        return self.built / "logs" / f"{stage}.failure.json"

    def usage(self, stage: str) -> Path:
        """Record of what a stage's latest run took."""
        return self.built / "logs" / f"{stage}.usage.json"

    def scratch(self, stage: str) -> Path:
        """Folder of a stage's temporary files; its name is that of an unfinished file."""
        return self.built / stage / ".scratch.part"

    @property
    def profile(self) -> Path:
        """What the stages of a profiled run took, in one file."""
        return self.built / "logs" / "profile.json"
