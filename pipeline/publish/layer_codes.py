"""Give the code lists of a study: what its data hold, as the study names it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.publish.layer_schemas import Column, Domain, LayerSchema
from pipeline.publish.map_glossary import GLOSSARY
from pipeline.publish.map_measures import code_words

if TYPE_CHECKING:
    import pandas as pd

Labels = Mapping[str, tuple[str, str]]


def study_schemas(
    frames: Sequence[tuple[LayerSchema, pd.DataFrame]], labels: Labels
) -> list[LayerSchema]:
    """Fill the lists that are the study's own with the codes its layers hold.

    Parameters
    ----------
    frames
        Every schema with its conforming rows, of which `study_columns` are enough.
    labels
        Names, Chinese and English, that the study gives to codes and to what codes contain (hubs).

    Returns
    -------
    The schemas in the same order; their lists of the study are equal wherever they are used, hold
    every code of the data, and keep their order of the schema file. Where no layer has a row the
    list stays as it is.
    """
    present: dict[str, set[str]] = {}
    known: dict[str, Domain] = {}
    for schema, frame in frames:
        for column, domain in _own(schema):
            known[domain.name] = domain
            codes = frame[column.name].dropna().astype(str).unique()
            present.setdefault(domain.name, set()).update(codes)
    filled = {name: _filled(domain, present[name], labels) for name, domain in known.items()}
    return [_with(schema, filled) for schema, _ in frames]


def study_columns(schema: LayerSchema) -> list[str]:
    """Name the columns whose codes are the study's own."""
    return [column.name for column, _ in _own(schema)]


def unnamed_codes(schemas: Sequence[LayerSchema]) -> list[str]:
    """List the codes of the study that nobody names: layers show them as they are."""
    lists = {domain.name: domain for schema in schemas for _, domain in _own(schema)}
    return sorted(
        {code for one in lists.values() for code, words in one.labels.items() if words[0] == code}
    )


def _own(schema: LayerSchema) -> list[tuple[Column, Domain]]:
    return [
        (column, column.domain)
        for column in schema.columns
        if column.domain is not None and column.domain.of_study
    ]


def _filled(domain: Domain, codes: Iterable[str], labels: Labels) -> Domain:
    """Name codes by the study, else by the schema, else by the maps' glossary, else by themselves.

    A code that nobody names is shown as it is: it is valid, and the study file can name it.
    """
    present = set(codes)
    if not present:
        return domain
    ordered = [code for code in domain.labels if code in present]
    ordered += sorted(present - set(ordered))
    words = {
        **GLOSSARY,
        **code_words(present, named=labels, given=labels),
        **domain.labels,
        **labels,
    }
    return replace(domain, labels={code: words.get(code, (code, code)) for code in ordered})


def _with(schema: LayerSchema, domains: Mapping[str, Domain]) -> LayerSchema:
    columns = tuple(
        column
        if column.domain is None
        else replace(column, domain=domains.get(column.domain.name, column.domain))
        for column in schema.columns
    )
    return replace(schema, columns=columns)
