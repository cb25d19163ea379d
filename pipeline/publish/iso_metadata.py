"""Write a layer's provenance as ISO 19115 metadata in the ISO 19139 encoding."""

from __future__ import annotations

import datetime as dt
from xml.etree import ElementTree as ET

from pipeline.publish.provenance import Provenance

GMD = "http://www.isotc211.org/2005/gmd"
GCO = "http://www.isotc211.org/2005/gco"
STANDARD_URI = "http://www.isotc211.org/2005/gmd"
_CODES = "http://standards.iso.org/iso/19139/resources/gmxCodelists.xml"
Box = tuple[float, float, float, float]


def iso_metadata(traced: Provenance, *, date: dt.date, bbox: Box | None) -> str:
    """Describe one layer.

    Parameters
    ----------
    traced
        Provenance of the layer.
    date
        Date of the study.
    bbox
        West, south, east, north in degrees; None for a table.

    Returns
    -------
    XML text.
    """
    ET.register_namespace("gmd", GMD)
    ET.register_namespace("gco", GCO)
    schema = traced.schema
    top = ET.Element(f"{{{GMD}}}MD_Metadata")
    _text(top, "fileIdentifier", f"parkgap:{schema.name}:{schema.version}")
    _code(top, "language", "LanguageCode", "zho")
    _code(top, "characterSet", "MD_CharacterSetCode", "utf8")
    _code(top, "hierarchyLevel", "MD_ScopeCode", "dataset")
    party = _within(top, "contact", "CI_ResponsibleParty")
    _text(party, "organisationName", "parkgap")
    _code(party, "role", "CI_RoleCode", "processor")
    _date(top, "dateStamp", date)
    _text(top, "metadataStandardName", "ISO 19115:2003/19139")
    reference = _within(top, "referenceSystemInfo", "MD_ReferenceSystem")
    identifier = _within(reference, "referenceSystemIdentifier", "RS_Identifier")
    _text(identifier, "code", "EPSG:4326")
    _identification(top, traced, date, bbox)
    _quality(top, traced)
    return ET.tostring(top, encoding="unicode")


def _identification(top: ET.Element, traced: Provenance, date: dt.date, bbox: Box | None) -> None:
    schema = traced.schema
    found = _within(top, "identificationInfo", "MD_DataIdentification")
    citation = _within(found, "citation", "CI_Citation")
    _text(citation, "title", f"{schema.zh} / {schema.en}")
    stamp = _within(citation, "date", "CI_Date")
    _date(stamp, "date", date)
    _code(stamp, "dateType", "CI_DateTypeCode", "creation")
    _text(citation, "edition", schema.version)
    _text(found, "abstract", " ".join((*schema.about, *schema.limits)))
    _text(found, "credit", "; ".join(traced.attributions) or "parkgap")
    constraints = _within(found, "resourceConstraints", "MD_LegalConstraints")
    _code(constraints, "useConstraints", "MD_RestrictionCode", "license")
    address = f" <{traced.licence.url}>" if traced.licence.url else ""
    told = f"{traced.licence.id}: {traced.licence.zh} / {traced.licence.en}{address}"
    _text(constraints, "otherConstraints", told)
    for one in traced.reservations:
        _text(constraints, "otherConstraints", f"保留 / reserved: {one}")
    _code(found, "language", "LanguageCode", "zho")
    if bbox is not None:
        extent = _within(found, "extent", "EX_Extent")
        box = _within(extent, "geographicElement", "EX_GeographicBoundingBox")
        west, south, east, north = bbox
        for name, value in (
            ("westBoundLongitude", west),
            ("eastBoundLongitude", east),
            ("southBoundLatitude", south),
            ("northBoundLatitude", north),
        ):
            element = ET.SubElement(box, f"{{{GMD}}}{name}")
            ET.SubElement(element, f"{{{GCO}}}Decimal").text = f"{value:.6f}"


def _quality(top: ET.Element, traced: Provenance) -> None:
    quality = _within(top, "dataQualityInfo", "DQ_DataQuality")
    scope = _within(quality, "scope", "DQ_Scope")
    _code(scope, "level", "MD_ScopeCode", "dataset")
    lineage = _within(quality, "lineage", "LI_Lineage")
    stages = "; ".join(
        f"{stage} (settings {making.settings[:12]}, code {making.code[:12]})"
        for stage, making in sorted(traced.makings.items())
    )
    _text(lineage, "statement", f"{traced.schema.method[0]} / {traced.schema.method[1]} {stages}")
    for source in traced.sources:
        record = _within(lineage, "source", "LI_Source")
        date = "" if source.date is None else f" {source.date.isoformat()}"
        told = f"{source.zh} / {source.en} ({source.licence or 'unstated'}{date})"
        _text(record, "description", told)


def _within(parent: ET.Element, role: str, kind: str) -> ET.Element:
    return ET.SubElement(ET.SubElement(parent, f"{{{GMD}}}{role}"), f"{{{GMD}}}{kind}")


def _text(parent: ET.Element, role: str, text: str) -> None:
    element = ET.SubElement(parent, f"{{{GMD}}}{role}")
    ET.SubElement(element, f"{{{GCO}}}CharacterString").text = text


def _date(parent: ET.Element, role: str, date: dt.date) -> None:
    element = ET.SubElement(parent, f"{{{GMD}}}{role}")
    ET.SubElement(element, f"{{{GCO}}}Date").text = date.isoformat()


def _code(parent: ET.Element, role: str, kind: str, value: str) -> None:
    element = _within(parent, role, kind)
    element.attrib |= {"codeList": f"{_CODES}#{kind}", "codeListValue": value}
    element.text = value
