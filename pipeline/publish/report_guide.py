"""Explain how the report is to be read and where its data end."""

from __future__ import annotations

from pipeline.publish.report_cells import Words
from pipeline.publish.report_data import ReportData
from pipeline.publish.report_parcels import is_synthetic


def how_to_read(data: ReportData) -> list[tuple[Words, Words]]:
    """Give the reading rules as pairs of a term and its meaning."""
    return [
        _methods(data),
        (
            Words("区间", "Interval"),
            Words(
                "边界不确定的地点，在点位精度之内反复抽取可能的范围，方括号内为 90% 区间；"
                "边界确定的地点没有区间。",
                "Where a boundary is uncertain, plausible extents are drawn within the precision "
                "of the point; brackets hold the 90 % interval. Certain boundaries have none.",
            ),
        ),
        (
            Words("判定", "Verdict"),
            Words(
                "“稳健”“较可能”“无法判定”指结论在多少比例的可能范围中成立（门槛见主要设置）。"
                "边界确定而有结论者计入“稳健”。",
                "Robust, likely and undecided tell in what share of the plausible extents the "
                "finding holds (thresholds: main settings). A finding on a certain boundary counts "
                "as robust.",
            ),
        ),
        (
            Words("日期", "Dates"),
            Words(
                "研究日期决定哪些设施算已运营；数据日期是数据采集或发布之日，两者可以不同。",
                "The study date decides what counts as operating; a data date is when the data "
                "were made or published. The two may differ.",
            ),
        ),
        (
            Words("无值", "No value"),
            Words(
                "“—”表示没有数据、不可测或不可判定，从不等于 0，也不进入任何平均数；"
                "没有画出不等于没有。",
                "A dash means no data, not measurable or not testable; it is never zero and enters "
                "no average. Unmapped is not absent.",
            ),
        ),
        (
            Words("缺口", "Gap"),
            Words(
                "缺口 = 需求减供给，按所选标准逐项计算，再归一到 0–1；综合缺口是加权平均，"
                "任何一项缺失则不给综合值。",
                "A gap is need minus provision on the standard chosen, per service, brought to 0 "
                "to 1; the composite is a weighted mean and stays empty when a service is missing.",
            ),
        ),
        (
            Words("综合的两个判定", "Two verdicts on the composite"),
            Words(
                "地图上“至少一项有缺口”说的是综合大于 0；“是否缺口最大的 "
                f"{data.worst_places} 处”问的是改变权重后它是否仍排在最前。两者分开说明，"
                "一处可以肯定有缺口，而不属于最大之列。",
                "On the maps “some service has a gap” says that the composite is above 0; "
                f"“among the {data.worst_places} largest” asks whether it stays there when the "
                "weights change. A place may certainly have a gap and not be among the largest.",
            ),
        ),
        *_indicative(data),
        *_synthetic(data),
    ]


def _indicative(data: ReportData) -> list[tuple[Words, Words]]:
    """Explain the discs, where there are any."""
    count = int(data.places["boundary_class"].eq("indicative").sum())
    if not count:
        return []
    return [
        (
            Words("示意边界", "Indicative boundary"),
            Words(
                f"{count} 处地点没有公开的边界：示意圆按规划面积（或假设面积）在概略点位画出，"
                "不是正式边界，不可用于用地管理。",
                f"The boundaries of {count} places are not public: indicative discs have the "
                "planned (or an assumed) area around an approximate point; they are no official "
                "boundaries.",
            ),
        )
    ]


def _methods(data: ReportData) -> tuple[Words, Words]:
    share = data.measured_share
    if share is None:
        state = Words("本次没有带方法的值。", "This run has no value with a method.")
    elif share == 0.0:
        state = Words(
            "本次没有街道数据，全部为估算。",
            "This run had no street data: all of it is estimated.",
        )
    else:
        state = Words(
            f"本次 {share:.1%} 的值为实测。", f"In this run {share:.1%} of the values are measured."
        )
    return (
        Words("实测与估算", "Measured and estimated"),
        Words(
            f"实测：在街道网络上计算；估算（≈）：直线距离乘绕行系数。{state.zh}",
            "Measured: computed on the street network; estimated (≈): straight line times a "
            f"detour factor. {state.en}",
        ),
    )


def _synthetic(data: ReportData) -> list[tuple[Words, Words]]:
    if not is_synthetic(data):
        return []
    return [
        (
            Words("合成", "Synthetic"),
            Words(
                "带“合成 synthetic”标记的地块由程序生成，只供演示方法，不代表任何真实地块。",
                "Parcels marked “合成 synthetic” are generated to demonstrate the method and "
                "stand for no real parcel.",
            ),
        )
    ]


def limits(data: ReportData) -> list[Words]:
    """Say what the data cannot carry; counts come from the tables."""
    said = [
        Words(
            "OpenStreetMap 在郊区漏绘较多：此处“没有”可能只是“没有画”。",
            "OpenStreetMap undercounts in the suburbs: “nothing” may be “nothing mapped”.",
        ),
        Words(
            "地块来自使用者给出的文件，其来源、日期与许可以该文件为准。",
            "The parcels are of a file that the user gave; its source, date and licence are its "
            "own.",
        )
        if data.parcels is not None and len(data.parcels["parcels"]) and not is_synthetic(data)
        else Words(
            "本市没有公开的地块数据；地块一节（如有）使用带标记的合成样本，"
            "正式结论须用主管部门的数据。",
            "No parcel data are public for this city; a section on parcels uses a marked synthetic "
            "sample, and conclusions need the authority's own data.",
        )
        if len(data.documented)
        else Words(
            "地块一节（如有）可能使用带标记的合成样本。",
            "A section on parcels may use a marked synthetic sample.",
        ),
        Words(
            "结果是关联而非因果：园区往往布置在地价较低的边缘地带。",
            "Results are associations, not causes: parks are sent to cheap edges.",
        ),
    ]
    return [*_hospitals(data), *_supply(data), *said]


def _hospitals(data: ReportData) -> list[Words]:
    rows = data.facilities[data.facilities["service"].eq("hospital")]
    doubtful = int(rows["source"].astype("str").str.contains("re-verified").sum())
    if not doubtful:
        return []
    return [
        Words(
            f"{len(rows)} 个医院院区中 {doubtful} 个的等级来自公开清单，须向卫生健康委核实。",
            f"Grades of {doubtful} of {len(rows)} hospital campuses come from a public list and "
            "are to be re-verified with the health commission.",
        )
    ]


def _supply(data: ReportData) -> list[Words]:
    rows = data.facilities
    unknown = int(rows["supply"].isna().sum())
    if not unknown:
        return []
    return [
        Words(
            f"{len(rows)} 个设施入口中 {unknown} 个的规模（床位、学位）未知。",
            f"The size (beds, places) of {unknown} of {len(rows)} facility entrances is unknown.",
        )
    ]
