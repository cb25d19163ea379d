"""Set the tables of context: costs, documents recomputed, what is asked of carriers, land held."""

from __future__ import annotations

import pandas as pd

from pipeline.publish.report_cells import DASH, Badge, Cell, Column, Table, Words, clean, name_cell
from pipeline.publish.report_data import ReportData
from pipeline.publish.synthesis_words import records

LONG = 160
UNITS = {
    "yuan/m2/day": ("元/平方米·日", "yuan/m²/day"),
    "yuan/m2": ("元/平方米", "yuan/m²"),
    "100m yuan": ("亿元", "10⁸ yuan"),
    "10k m2": ("万平方米", "10⁴ m²"),
    "km2": ("平方公里", "km²"),
    "ratio": ("比值", "ratio"),
}
OUTCOMES = {
    "agrees": Badge("no-gap-robust", "相符", "agrees"),
    "differs": Badge("gap-robust", "不符", "differs"),
    "no_data": Badge("undecided", "无数据", "no data"),
}


def context_tables(data: ReportData) -> list[Table | None]:
    """Give the tables of context; none where a run has no synthesis."""
    if data.synthesis is None:
        return []
    found = data.synthesis
    return [
        _costs(found["costs"]),
        _carriers(found["carrier_status"]),
        _contiguity(found["contiguity"], data),
        _retention(found["retention"]),
    ]


def figure_checks(data: ReportData) -> Table | None:
    """Set what the documents' figures imply beside what they state."""
    if data.synthesis is None or data.synthesis["figure_checks"].empty:
        return None
    rows = [
        [
            name_cell(row.zh, clean(row.en, LONG)),
            Cell(DASH if pd.isna(row.computed) else f"{row.computed:,.4g}", kind="number"),
            Cell(DASH if pd.isna(row.documented) else f"{row.documented:,.4g}", kind="number"),
            Cell(*UNITS.get(str(row.unit), (clean(row.unit), "")), kind="short"),
            Cell("", badges=(OUTCOMES[str(row.outcome)],)),
        ]
        for row in records(data.synthesis["figure_checks"])
    ]
    return Table(
        "figure_checks",
        Words("文献数字的核对", "Figures of the documents, recomputed"),
        [
            Column("核对内容", "What is checked", kind="name"),
            Column("计算值", "Computed", kind="number"),
            Column("文献值", "Documented", kind="number"),
            Column("单位", "Unit"),
            Column("结论", "Outcome"),
        ],
        rows,
        notes=(
            Words(
                "差异不超过 5% 为相符。案例园区的范围是按规划面积画的圆，面积相符是必然的，"
                "不证明边界正确。",
                "Within 5 % agrees. The case parks' extents are discs of their planned area: their "
                "agreement is by construction and proves no boundary.",
            ),
        ),
    )


def _costs(table: pd.DataFrame) -> Table | None:
    """Set rents and land prices of the two cities side by side, with the independent check."""
    if table.empty:
        return None
    cities = table.iloc[0]
    rows = [
        [
            name_cell(row.zh, row.en),
            Cell(f"{row.here:,.4g}", kind="number"),
            Cell(f"{row.there:,.4g}", kind="number"),
            Cell(*UNITS.get(str(row.unit), (clean(row.unit), "")), kind="short"),
            Cell(f"{row.ratio:.2f}", kind="number"),
            Cell(clean(row.source, LONG)),
            Cell(DASH if pd.isna(row.check_value) else f"{row.check_value:,.0f}",
                 clean(row.check_source, LONG)),
        ]
        for row in records(table)
    ]  # fmt: skip
    return Table(
        "costs",
        Words(
            f"背景：{cities['here_zh']}与{cities['there_zh']}的成本差距",
            f"Context: what space costs in {cities['here_en']} and in {cities['there_en']}",
        ),
        [
            Column("项目", "Item", kind="name"),
            Column(cities["here_zh"], cities["here_en"], kind="number"),
            Column(cities["there_zh"], cities["there_en"], kind="number"),
            Column("单位", "Unit"),
            Column("比值", "Ratio", kind="number"),
            Column("来源", "Source"),
            Column("独立核对", "Independent check"),
        ],
        rows,
        notes=(
            Words(
                "只有比值的项目，另一城市的数值由比值推算；有独立来源的列出核对值。"
                "分区的租金与地价没有公开数据。这是背景，不进入缺口。",
                "Where a source states a ratio only, the other city's figure follows from it; an "
                "independent figure stands beside where there is one. Rents and prices by district "
                "are not public. Context only: it is no part of any gap.",
            ),
        ),
    )


def _carriers(table: pd.DataFrame) -> Table | None:
    """List what the action plan asks of the carriers, and for how many it is known."""
    if table.empty:
        return None
    rows = []
    for _, part in table.groupby("item", sort=False):
        row, known = part.iloc[0], part["value"].notna()
        met = part["outcome"].eq("met").sum()
        rows.append(
            [
                name_cell(row["name_zh"], row["name_en"]),
                Cell(
                    DASH if pd.isna(row["target"]) else f"{100 * row['target']:.0f} %",
                    kind="number",
                ),
                Cell(f"{int(known.sum())}/{len(part)}", kind="number"),
                Cell(
                    str(int(met)) if known.any() and pd.notna(row["target"]) else DASH,
                    kind="number",
                ),
                Cell(clean(row["missing_zh"], LONG), clean(row["missing_en"], LONG)),
            ]
        )
    return Table(
        "carrier_items",
        Words(
            "载体的配套与运营：应查事项", "Utilities and operation of the carriers: what to watch"
        ),
        [
            Column("事项", "Item", kind="name"),
            Column("目标", "Target", kind="number"),
            Column("有数据的载体", "Carriers with data", kind="number"),
            Column("达标", "Met", kind="number"),
            Column("缺少的数据", "What is missing"),
        ],
        rows,
        notes=(
            Words(
                "行动计划提出这些事项，但没有公开的载体数据；用 inputs.operation 提供后，"
                "本表给出结果。",
                "The action plan names these items, but no figures of the carriers are public; "
                "with "
                "a table given by inputs.operation this one says how they stand.",
            ),
        ),
    )


def _contiguity(table: pd.DataFrame, data: ReportData) -> Table | None:
    """Say how far the plots of a park lie together."""
    if table.empty:
        return None
    land = {
        "all": ("全部地块", "all plots"),
        "low_efficiency": ("低效地块", "low-efficiency plots"),
    }
    rows = [
        [
            _park(row.park_id, data),
            Cell(*land[str(row.land)]),
            Cell(f"{row.land_ha:,.0f}", kind="number"),
            Cell(str(int(row.patches)), kind="number"),
            Cell(f"{100 * row.largest_share:.0f}", kind="number"),
            Cell(f"{row.mesh_ha:,.0f}", kind="number"),
            Cell(f"{row.compactness:.2f}", kind="number"),
        ]
        for row in records(table)
    ]
    return Table(
        "contiguity",
        Words("地块是否连片", "Do the plots lie together?"),
        [
            Column("园区", "Park", kind="name"),
            Column("地块", "Plots"),
            Column("面积", "Land", "ha", "number"),
            Column("斑块数", "Patches", kind="number"),
            Column("最大斑块占比", "Largest patch", "%", "number"),
            Column("有效网格面积", "Effective mesh", "ha", "number"),
            Column("最大斑块紧凑度", "Its compactness", "0–1", "number"),
        ],
        rows,
        notes=_synthetic(table),
    )


def _retention(table: pd.DataFrame) -> Table | None:
    """Say what a surcharge on poorly used land would come to."""
    if table.empty:
        return None

    def told(value: float) -> Cell:
        return Cell(DASH if pd.isna(value) else f"{value:,.0f}", kind="number")

    rows = [
        [
            name_cell(row.zh, row.en),
            Cell(str(int(row.plots)), kind="number"),
            told(row.land_ha),
            told(row.surcharge_10k_yuan_year),
            told(row.idle_fee_10k_yuan),
            told(row.recoverable_ha),
        ]
        for row in records(table)
    ]
    return Table(
        "retention",
        Words("提高保有成本：每平方米每年加收一元的结果", "A surcharge on holding land, per yuan"),
        [
            Column("类型", "Type", kind="name"),
            Column("宗数", "Plots", kind="number"),
            Column("面积", "Land", "ha", "number"),
            Column("年加收", "Surcharge a year", "10⁴ yuan", "number"),
            Column("闲置费", "Idle fee", "10⁴ yuan", "number"),
            Column("可收回", "Recoverable", "ha", "number"),
        ],
        rows,
        notes=(
            *_synthetic(table),
            Words(
                "没有来源给出加收数额，按设置 synthesis.land.surcharge_yuan_m2_year（默认 1 "
                "元）计，可按比例放大。"
                "闲置费（满一年未满两年，价款的 20%）与收回（满两年）为上限："
                "非企业原因的延误不适用。",
                "No source states an amount: the setting synthesis.land.surcharge_yuan_m2_year (1 "
                "yuan) scales. The idle fee (one to two years, 20 % of the price) and recovery "
                "(two "
                "years) are upper bounds: neither holds where the firm is not the cause.",
            ),
        ),
    )


def _park(key: object, data: ReportData) -> Cell:
    found = data.places[data.places["place_id"].eq(key)]
    return Cell(str(key)) if found.empty else name_cell(*found[["name_zh", "name_en"]].iloc[0])


def _synthetic(table: pd.DataFrame) -> tuple[Words, ...]:
    if not table["synthetic"].any():
        return ()
    return (Words("合成示例地块，非实测。", "Synthetic sample plots, no real data."),)
