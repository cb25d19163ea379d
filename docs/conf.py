"""Build the documentation site without network: `make site` writes it to `build/site`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

project = "parkgap 园区服务缺口"
author = "the parkgap authors"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_generated/*.inc"]
root_doc = "index"
language = "zh_CN"
# Every link is held to what is there; nothing is fetched, so no other site is asked.
nitpicky = False
myst_heading_anchors = 3
myst_links_external_new_tab = True
# A page that no list of contents names yet is built and found by search; a broken link still fails.
suppress_warnings = ["misc.highlighting_failure", "toc.not_included"]
napoleon_google_docstring = False
napoleon_use_rtype = False
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_member_order = "bysource"
html_theme = "furo"
html_title = project
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {"footer_icons": []}


def write_reference(_: Sphinx) -> None:
    """Write one section for each theme of the public interface, read from its docstrings."""
    from pipeline import api

    lines = ["# 接口参考 / Interface reference", "", "`from pipeline.api import …`", ""]
    for (zh, en), names in api.THEMES.items():
        lines += [f"## {zh} / {en}", ""]
        for name in names:
            kind = "autoclass" if isinstance(getattr(api, name), type) else "autofunction"
            if not callable(getattr(api, name)):
                lines += [f"`{name}`", "", f": {type(getattr(api, name)).__name__}", ""]
                continue
            options = (
                "   :members:\n   :special-members: __getitem__\n"
                if kind == "autoclass" and name in DETAILED
                else ""
            )
            lines += ["```{eval-rst}", f".. {kind}:: pipeline.api.{name}", options, "```", ""]
    folder = HERE / "_generated"
    folder.mkdir(exist_ok=True)
    text = "\n".join(lines)
    target = folder / "interface.md"
    if not target.is_file() or target.read_text(encoding="utf-8") != text:
        target.write_text(text, encoding="utf-8")


#: Classes whose members are part of the interface; settings have a page of their own.
DETAILED = {"BuiltLayers", "LayerSchema", "Workspace", "ScenarioResult", "Standard"}


def setup(app: Sphinx) -> None:
    """Have the reference written before the sources are read."""
    app.connect("builder-inited", write_reference)
