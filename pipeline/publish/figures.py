"""Set matplotlib up for bilingual figures in the project's colours."""

from __future__ import annotations

from pipeline.publish.palettes import GAP, GAP_UNKNOWN, LAND, METRO, OUTLINE, TIER

#: Fonts with Chinese letters, as Linux, Windows and macOS name them.
CJK_FONTS = (
    "Noto Sans CJK SC", "Noto Sans CJK JP", "Source Han Sans SC", "WenQuanYi Micro Hei",
    "Microsoft YaHei", "SimHei", "PingFang SC", "Heiti SC", "Arial Unicode MS",
)  # fmt: skip
#: Colours by what they stand for; gap classes from small to large.
COLOURS = {
    "gap": GAP,
    "unknown": GAP_UNKNOWN,
    "land": LAND,
    "outline": OUTLINE,
    "rail": METRO,
    "tier": TIER,
}


def figure_style() -> str | None:
    """Let matplotlib draw Chinese and English in one figure, readable on paper.

    Returns
    -------
    The font used for Chinese; None when the machine has none of the known ones (Debian:
    `fonts-noto-cjk`), whose figures then show boxes for Chinese letters.
    """
    import matplotlib as mpl
    from matplotlib import font_manager

    present = {font.name for font in font_manager.fontManager.ttflist}
    found = next((name for name in CJK_FONTS if name in present), None)
    mpl.rcParams.update(
        {
            "font.family": "sans-serif",
            "font.sans-serif": [*([found] if found else []), "DejaVu Sans"],
            "axes.unicode_minus": False,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlesize": 11,
            "axes.titlelocation": "left",
            "figure.figsize": (8, 5),
            "figure.dpi": 100,
            "figure.constrained_layout.use": True,
            "legend.frameon": False,
        }
    )
    return found
