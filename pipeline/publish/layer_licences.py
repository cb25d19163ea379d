"""Know the licences of sources, and refuse layers mixed from sources that may not be mixed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from pipeline.errors import LayerError, Problem

Class = Literal["open", "share_alike", "restricted", "withheld"]


@dataclass(frozen=True)
class Licence:
    """A licence: its SPDX id, how it mixes, and what it is called.

    `open` mixes with everything; `share_alike` wants the mixture under itself; `restricted` (no
    commerce, no derivatives, all rights reserved) mixes with open ones only; `withheld` is not to
    be passed on at all, so whatever it is mixed into stays within the house.
    """

    id: str
    mixes: Class
    zh: str
    en: str
    url: str | None = None


_CC = "https://creativecommons.org"
_ODC = "https://opendatacommons.org/licenses"
UNSTATED = Licence(
    "unstated", "withheld", "未声明许可，不得转发", "no licence stated, not for redistribution"
)
# From the least to the most demanding; a mixture takes the most demanding of its parts.
_KNOWN = (
    Licence("CC0-1.0", "open", "CC0 1.0", "CC0 1.0", f"{_CC}/publicdomain/zero/1.0/"),
    Licence("PDDL-1.0", "open", "公共领域 PDDL 1.0", "PDDL 1.0", f"{_ODC}/pddl/1-0/"),
    Licence("MIT", "open", "MIT 许可", "MIT licence", "https://opensource.org/license/mit"),
    Licence("CC-BY-3.0", "open", "CC 署名 3.0", "CC BY 3.0", f"{_CC}/licenses/by/3.0/"),
    Licence("CC-BY-4.0", "open", "CC 署名 4.0", "CC BY 4.0", f"{_CC}/licenses/by/4.0/"),
    Licence("ODC-By-1.0", "open", "开放数据署名 1.0", "ODC-By 1.0", f"{_ODC}/by/1-0/"),
    Licence(
        "ODbL-1.0",
        "share_alike",
        "开放数据库许可 1.0",
        "Open Database Licence 1.0",
        f"{_ODC}/odbl/1-0/",
    ),
    Licence(
        "CC-BY-SA-4.0",
        "share_alike",
        "CC 署名-相同方式共享 4.0",
        "CC BY-SA 4.0",
        f"{_CC}/licenses/by-sa/4.0/",
    ),
    Licence(
        "CC-BY-NC-4.0",
        "restricted",
        "CC 署名-非商业 4.0",
        "CC BY-NC 4.0",
        f"{_CC}/licenses/by-nc/4.0/",
    ),
    Licence(
        "CC-BY-NC-SA-4.0",
        "restricted",
        "CC 署名-非商业-相同方式共享 4.0",
        "CC BY-NC-SA 4.0",
        f"{_CC}/licenses/by-nc-sa/4.0/",
    ),
    Licence(
        "CC-BY-ND-4.0",
        "restricted",
        "CC 署名-禁止演绎 4.0",
        "CC BY-ND 4.0",
        f"{_CC}/licenses/by-nd/4.0/",
    ),
    Licence("proprietary", "restricted", "保留所有权利", "all rights reserved"),
    Licence("internal", "withheld", "仅限内部使用", "for internal use only"),
)
LICENCES: Mapping[str, Licence] = {licence.id: licence for licence in (*_KNOWN, UNSTATED)}
_STRENGTH = {licence.id: rank for rank, licence in enumerate(_KNOWN)}


def licence_of(stated: str | None) -> Licence:
    """Recognise a licence as people write it; what is not recognised counts as unstated."""
    return _SPELLED.get(_spelling(stated or ""), UNSTATED)


def _spelling(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


def _spellings() -> dict[str, Licence]:
    """List the spellings of each licence: id, without its version when that is the only one."""
    found = {_spelling(name): licence for name, licence in LICENCES.items()}
    for name, licence in LICENCES.items():
        bare = _spelling(re.sub(r"-[0-9.]+$", "", name))
        found.setdefault(bare, licence)
    found[_spelling("CC-BY")] = LICENCES["CC-BY-4.0"]
    return found


_SPELLED = _spellings()


def mixed(
    licences: Iterable[Licence], *, layer: str, unstated: Literal["mark", "refuse"]
) -> Licence:
    """Give the licence of a layer derived from sources under the given licences.

    Parameters
    ----------
    licences
        Licences of all sources of the layer; none at all means the project's own facts (MIT).
    layer
        Name of the layer, for the message.
    unstated
        Whether a source without a known licence marks the layer or is refused.

    Raises
    ------
    LayerError
        When two licences do not go together: two different share-alikes, or a share-alike with
        one that forbids derivatives, commerce or redistribution under other terms; or, when asked
        to refuse, a source whose licence is not stated.
    """
    present = sorted({licence.id for licence in licences})
    if not present:
        return LICENCES["MIT"]
    classes: dict[str, list[str]] = {}
    for name in present:
        classes.setdefault(LICENCES[name].mixes, []).append(name)
    if unstated == "refuse" and UNSTATED.id in present:
        raise LayerError(_unstated(layer))
    sharing, restricted = classes.get("share_alike", []), classes.get("restricted", [])
    if len(sharing) > 1 or (sharing and restricted) or len(restricted) > 1:
        raise LayerError(_conflict(layer, [*sharing, *restricted]))
    if "withheld" in classes:
        return LICENCES[classes["withheld"][-1]]
    return max((LICENCES[name] for name in present), key=lambda licence: _STRENGTH[licence.id])


def _conflict(layer: str, names: list[str]) -> Problem:
    return Problem(
        zh=f"图层 {layer} 混合了互不相容的许可：{'、'.join(names)}",
        en=f"layer {layer} would mix sources under licences that do not go together: "
        f"{', '.join(names)}",
        path=layer,
        rule="licence",
        remedy_zh="换用可相容许可的来源；仅在内部使用时把该来源的 licence 声明为 internal",
        remedy_en="use sources under compatible licences; for use within your house alone declare "
        "the licence of the source as `internal`",
    )


def _unstated(layer: str) -> Problem:
    return Problem(
        zh=f"图层 {layer} 有来源未声明许可",
        en=f"layer {layer} has a source without a stated licence",
        path=layer,
        rule="layers.unstated_licence",
        remedy_zh="在研究文件的 inputs 中写明 licence",
        remedy_en="state `licence` in the inputs of the study file",
    )
