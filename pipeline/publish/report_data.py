"""Hold what the report is made of: the stages' tables and the identity of the run."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

import geopandas as gpd
import pandas as pd

from pipeline.publish.map_glossary import GLOSSARY
from pipeline.publish.report_cells import Words, clean
from pipeline.publish.report_outcomes import outcomes
from pipeline.settings.needs import NeedSettings

CASE, PART = "case_park", "core_part"

#: One row of a table, by column.
Row: TypeAlias = "pd.Series[Any] | Mapping[Hashable, Any]"


@dataclass(frozen=True)
class Parameter:
    """A setting that the figures rest on, as the study has it."""

    key: str
    name: Words
    value: str
    unit: str = ""
    source: str = ""


@dataclass(frozen=True)
class ReportData:
    """Everything the report says comes from here.

    `places` is in the working CRS; `gaps` and `access` are the long tables of the stages;
    `documented` are the figures of the source documents (`figure_id`, `value`, `stated_zh` ...),
    `coverage` the share of each district's land near a station (`name_zh`, `name_en`, `area_km2`,
    `share`, `share_extent`). `scenario` are the gaps with every station open, `cap` the excess over
    a threshold, in thresholds, from which a gap counts 1 (None where gaps are relative); `words`
    the names that the study's maps use too. `island` and `parcels` hold the
    tables of those stages by name; None where a run has no such stage. `synthesis` also holds
    `two_tier` and `fit`, which the access stage writes.
    """

    title: Words
    study_date: str
    version: str
    digest: str
    crs: str
    needs: Sequence[NeedSettings]
    worst_places: int
    places: gpd.GeoDataFrame
    gaps: pd.DataFrame
    access: pd.DataFrame
    facilities: pd.DataFrame
    sources: pd.DataFrame
    standards: pd.DataFrame
    documented: pd.DataFrame
    contradictions: pd.DataFrame
    coverage: pd.DataFrame
    coverage_band_m: float
    station_extent_m: float
    area_tolerance_share: float
    parameters: Sequence[Parameter] = field(default=())
    words: Mapping[str, tuple[str, str]] = field(default_factory=lambda: GLOSSARY)
    scenario: pd.DataFrame | None = None
    stations_ahead: Mapping[str, int] = field(default_factory=dict)
    cap: float | None = None
    island: Mapping[str, pd.DataFrame] | None = None
    parcels: Mapping[str, pd.DataFrame] | None = None
    synthesis: Mapping[str, pd.DataFrame] | None = None

    @property
    def measured_share(self) -> float | None:
        """Share of the values measured on streets, in part where mixed; None without any."""
        known = self.gaps[self.gaps["method"].notna() & self.gaps["gap"].notna()]
        if known.empty:
            return None
        whole = known["method"].eq("measured_network").astype("float64")
        if "measured_share" not in known.columns:
            return float(whole.mean())
        return float(known["measured_share"].astype("float64").fillna(whole).mean())

    def service_rows(self, service: str) -> pd.DataFrame:
        """Give the rows of one service (or the composite) and their `outcome`, by place.

        Every place of the register has a row, all null where the stages wrote none.
        """
        if service not in self._by_service:
            rows = self.gaps[self.gaps["service"].eq(service)].set_index("place_id")
            every = rows.reindex(pd.Index(self.places["place_id"], name="place_id"))
            asked = every
            if service == "composite":  # the question there: is it among the largest gaps?
                asked = every.drop(columns=["finding", "verdict"]).rename(
                    columns={"rank_finding": "finding", "rank_verdict": "verdict"}
                )
            self._by_service[service] = every.assign(outcome=outcomes(asked))
        return self._by_service[service]

    @cached_property
    def _by_service(self) -> dict[str, pd.DataFrame]:
        return {}

    def name(self, code: object) -> tuple[str, str]:
        """Name a code of the tables in both languages; what nobody named stands for itself."""
        text = "" if code is None or code is pd.NA or code != code else clean(code)  # noqa: PLR0124 (NaN)
        return self.words.get(text, (text, ""))

    @cached_property
    def kinds(self) -> pd.Series[str]:
        """Group the places as the maps do: case parks and parts of the core stand for themselves.

        Gives the group by place_id.
        """
        tier = self.places.set_index("place_id")["tier"].astype("object")
        category = self.places.set_index("place_id")["category"]
        case = tier.eq("x") & category.eq(CASE)
        kinds: pd.Series[str] = tier.mask(case, "case").mask(category.eq(PART), PART)
        return kinds

    def service_row(self, service: str, place_id: str) -> Row:
        """Give one place's row of a service."""
        if service not in self._rows:
            rows = self.service_rows(service)
            keys = (str(key) for key in rows.index)
            self._rows[service] = dict(zip(keys, rows.to_dict("records"), strict=True))
        return self._rows[service][place_id]

    @cached_property
    def _rows(self) -> dict[str, dict[str, Row]]:
        return {}

    def place(self, place_id: str) -> Row:
        """Give a place of the register."""
        return self._places[place_id]

    def outcome(self, service: str) -> dict[str, str]:
        """Give what was found of a service, by place."""
        if service not in self._outcomes:
            rows = self.service_rows(service)
            self._outcomes[service] = dict(zip(rows.index, rows["outcome"].tolist(), strict=True))
        return self._outcomes[service]

    @cached_property
    def _outcomes(self) -> dict[str, dict[str, str]]:
        return {}

    @cached_property
    def _places(self) -> dict[str, Row]:
        return {str(row["place_id"]): row for row in pd.DataFrame(self.places).to_dict("records")}

    def documented_value(self, figure_id: str) -> float | None:
        """Give a documented figure, or None when the study has no such document."""
        found = self.documented.loc[self.documented["figure_id"].eq(figure_id), "value"]
        return None if found.empty else float(found.iloc[0])

    def standard(self, standard_id: str) -> Row | None:
        """Give the row of a standard, or None when the table does not hold it."""
        return self._standards.get(standard_id)

    @cached_property
    def _standards(self) -> dict[str, Row]:
        first = self.standards.drop_duplicates("standard_id")
        return {str(row["standard_id"]): row for row in first.to_dict("records")}
