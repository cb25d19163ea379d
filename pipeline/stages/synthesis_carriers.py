"""List what is to be watched at each carrier, with the user's figures where there are any."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd

from pipeline.errors import FieldError, Problem
from pipeline.settings.synthesis import SynthesisSettings
from pipeline.sources.role_tables import open_plain
from pipeline.sources.tables import require_columns
from pipeline.stages.context import StageContext

ROLE = "operation"
KEY = ["place_id", "item"]
MET, MISSED, NO_TARGET, NO_DATA = "met", "missed", "no_target", "no_data"
COLUMNS = (
    "place_id", "item", "requirement_id", "name_zh", "name_en", "unit", "value", "target",
    "outcome", "missing_zh", "missing_en", "source",
)  # fmt: skip
COLUMNS_OF_ITEMS = ("item", *(name for name in COLUMNS[2:] if name not in {"value", "outcome"}))


def write_carriers(context: StageContext, places: gpd.GeoDataFrame) -> None:
    """Write `carrier_status.parquet`: one row for each carrier and item.

    Raises
    ------
    FieldError
        The user's table lacks a field, or names a place or an item that does not exist.
    """
    source = context.input("carrier_items")
    if source is None:
        context.put("carrier_status.parquet", pd.DataFrame({name: [] for name in COLUMNS}))
        return
    listed = open_plain(source, role="carrier_items")
    require_columns(listed, COLUMNS_OF_ITEMS, role="carrier_items")
    items = listed.set_index("item")
    settings: SynthesisSettings = context.settings("synthesis")
    carriers = sorted(places.index[places["tier"].eq(settings.pairing.carrier_tier)])
    keys = pd.MultiIndex.from_product([carriers, items.index], names=KEY)
    table = pd.DataFrame(index=keys).reset_index().join(items, on="item")
    value = _values(context, keys).reindex(keys).to_numpy()
    target = table["target"].astype("float64")
    outcome = pd.Series(NO_TARGET, index=table.index).where(target.isna(), MISSED)
    outcome = outcome.mask(target.notna() & (value >= target), MET)
    told = table.assign(value=value, outcome=outcome.mask(pd.isna(value), NO_DATA))
    context.put("carrier_status.parquet", told[list(COLUMNS)])
    context.log.info("%d of %d figures of carriers are known", told["value"].count(), len(told))


def _values(context: StageContext, keys: pd.MultiIndex) -> pd.Series[float]:
    """Read the user's figures; nothing where the study names no table."""
    source = context.input(ROLE)
    if source is None:
        return pd.Series(dtype="float64", index=keys[:0])
    table = open_plain(source, role=ROLE)
    absent = [name for name in (*KEY, "value") if name not in table.columns]
    if absent:
        raise FieldError(*(_problem(source.path, None, name) for name in absent))
    own = table.set_index(KEY)["value"]
    strange = own.index[~own.index.isin(keys) | own.index.duplicated()]
    number = pd.to_numeric(own, errors="coerce")
    wrong = number.index[number.isna() & own.notna()]
    if len(strange) or len(wrong):
        rows = [*strange, *wrong]
        raise FieldError(*(_problem(source.path, " ".join(map(str, row)), "") for row in rows))
    return number.astype("float64")


def _problem(path: object, row: str | None, field: str) -> Problem:
    if row is None:
        return Problem(
            zh=f"运营表缺少字段 {field}",
            en=f"the table of operation lacks the field {field}",
            path=str(path),
            rule=f"inputs.{ROLE}",
        )
    return Problem(
        zh="没有这一载体或事项，或同一事项有两行，或数值不是数字",
        en="no such carrier or item, or given twice, or the value is no number",
        path=str(path),
        row=row,
        rule=f"inputs.{ROLE}",
        remedy_zh="事项编号见 docs/reference.md 的 carrier_items",
        remedy_en="the items are those of carrier_items in docs/reference.md",
    )
