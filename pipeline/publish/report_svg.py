"""Draw on an SVG sheet: shapes and real text, no style sheet, no script, nothing outside it."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from xml.etree import ElementTree as ET

from pipeline.publish.report_cells import clean

FONTS = (
    "Source Han Sans SC, Noto Sans CJK SC, Noto Sans SC, PingFang SC, Microsoft YaHei, "
    "WenQuanYi Micro Hei, Helvetica, Arial, sans-serif"
)
INK, SOFT, RULE, PAPER = "#1c2733", "#5b6773", "#d5dade", "#ffffff"
NAMESPACE = "http://www.w3.org/2000/svg"


@dataclass
class Sheet:
    """A drawing of a given size in CSS pixels, read by screen readers through its title."""

    width: float
    height: float
    title: str
    root: ET.Element = field(init=False)

    def __post_init__(self) -> None:
        """Start the drawing with its title and a white ground."""
        size = {"width": _round(self.width), "height": _round(self.height)}
        self.root = ET.Element(
            "svg",
            {
                "xmlns": NAMESPACE,
                "viewBox": f"0 0 {size['width']} {size['height']}",
                **size,
                "role": "img",
                "font-family": FONTS,
            },
        )
        ET.SubElement(self.root, "title").text = clean(self.title, 200)
        self.rect(0, 0, self.width, self.height, fill=PAPER)

    def rect(self, x: float, y: float, width: float, height: float, **paint: str) -> ET.Element:
        """Draw a rectangle."""
        return self._add("rect", x=x, y=y, width=max(width, 0.0), height=height, **paint)

    def line(self, x1: float, y1: float, x2: float, y2: float, **paint: str) -> ET.Element:
        """Draw a straight line."""
        return self._add("line", x1=x1, y1=y1, x2=x2, y2=y2, **{"stroke": RULE, **paint})

    def circle(self, cx: float, cy: float, r: float, **paint: str) -> ET.Element:
        """Draw a circle."""
        return self._add("circle", cx=cx, cy=cy, r=r, **paint)

    def text(self, x: float, y: float, words: str, *, size: float = 12, **paint: str) -> ET.Element:
        """Set one line of text; what comes from outside is cleaned and escaped."""
        made = self._add("text", x=x, y=y, font_size=size, **{"fill": INK, **paint})
        made.text = clean(words, 200)
        return made

    def hint(self, shape: ET.Element, words: str) -> None:
        """Give a shape the words that appear when the pointer rests on it."""
        ET.SubElement(shape, "title").text = clean(words, 200)

    def render(self) -> str:
        """Write the drawing: the same bytes for the same content."""
        return ET.tostring(self.root, encoding="unicode") + "\n"

    def _add(self, tag: str, **attributes: float | str) -> ET.Element:
        written = {
            name.replace("_", "-"): value if isinstance(value, str) else _round(value)
            for name, value in attributes.items()
        }
        return ET.SubElement(self.root, tag, written)


def fitted(words: str, width: float, size: float) -> str:
    """Cut a text so that it fits a width; CJK characters are square, others about half as wide."""
    words = clean(words, 200)
    if text_width(words, size) <= width:
        return words
    while words and text_width(words + "…", size) > width:
        words = words[:-1]
    return words.rstrip() + "…"


def text_width(words: str, size: float) -> float:
    """Estimate the width of a text in CSS pixels without a font."""
    wide = sum(unicodedata.east_asian_width(c) in {"W", "F", "A"} for c in words)
    return size * (wide + 0.56 * (len(words) - wide))


def _round(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
