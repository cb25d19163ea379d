"""Name the codes of one study: by the study, else by the glossary, else from their parts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from pipeline.publish.map_glossary import GLOSSARY
from pipeline.publish.map_measures import Words, code_words
from pipeline.settings.needs import NeedSettings

FACILITY = "facility_"
#: Variants that narrow nothing: the service keeps the name of its facilities.
WHOLE = ("operating", "all")


def study_words(
    labels: pd.DataFrame,
    needs: Sequence[NeedSettings],
    *,
    codes: Iterable[str] = (),
    named: Mapping[str, Words] | None = None,
) -> dict[str, Words]:
    """Give the one glossary that maps, report and figures of a study share.

    A service is called by the variant that its gap is held against (``hospital`` may be "grade 3A
    general hospitals"); ``facility_hospital`` names the facilities of that kind as they are drawn.

    Parameters
    ----------
    labels
        Names that the study gives to codes: ``code``, ``name_zh``, ``name_en``.
    needs
        What the services are held against.
    codes
        Further codes of measures and variants to be named.
    named
        Names of what codes refer to by id, such as hubs.
    """
    asked = {*codes, *(need.variant for need in needs)}
    given = {str(row.code): (str(row.name_zh), str(row.name_en)) for row in labels.itertuples()}
    words = {**GLOSSARY, **code_words(asked, named=named, given=given), **given}
    kinds = {f"{FACILITY}{need.service}": words[need.service] for need in needs}
    held: dict[str, Words] = {need.service: _title(need, words) for need in needs}
    return {**words, **kinds, **held}


def _title(need: NeedSettings, words: Mapping[str, Words]) -> Words:
    whole = need.variant in WHOLE or need.variant.endswith("_all")
    return words[need.service] if whole else words.get(need.variant, words[need.service])
