"""The public interface: everything a notebook or another program may import.

Names listed here keep their meaning within a major version; everything else in the package may
change without notice.
"""

from __future__ import annotations

from pipeline.engine import run
from pipeline.errors import ParkgapError, Problem
from pipeline.measures.catchment_family import floating_catchment_gaussian
from pipeline.measures.coverage import coverage_ledger, share_area_euclid
from pipeline.measures.gaps import composite_gap, normalised_gap, rank_range, service_gap
from pipeline.measures.inequality import concentration_index, gini, rank_correlation
from pipeline.measures.island_grid import GridFrame
from pipeline.measures.island_null import rank
from pipeline.measures.island_places import measure_contrast
from pipeline.measures.island_points import PointLayer
from pipeline.measures.island_results import claimed
from pipeline.measures.pairing import transport
from pipeline.measures.parcel_partition import judge, measure
from pipeline.measures.parcel_totals import totals
from pipeline.measures.parcel_verdicts import evidence
from pipeline.measures.siting import maximal_covering, p_median
from pipeline.measures.standards import Standard, compare_with_standard
from pipeline.measures.uncertainty import interval, verdict
from pipeline.publish.built_layers import BuiltLayers, open_layers
from pipeline.publish.figures import COLOURS, figure_style
from pipeline.publish.layer_export import export_layers
from pipeline.publish.layer_schemas import LayerSchema, layer_schemas
from pipeline.scenarios.files import Scenario, find_scenario, read_scenario
from pipeline.scenarios.run import ScenarioResult, run_scenario
from pipeline.settings.island import IslandSettings
from pipeline.settings.parcels import find_rules
from pipeline.sources.check import check_file
from pipeline.sources.check_study import against_study
from pipeline.sources.parcel_rules import read_rules
from pipeline.sources.parcel_template import write_template
from pipeline.sources.parcels import read_parcels
from pipeline.sources.reference import read_reference, reference_tables
from pipeline.sources.study_new import new_study, write_study
from pipeline.study import Study, find_study, read_study
from pipeline.workspace import Workspace

#: What is public, by theme: Chinese and English title, names.
THEMES: dict[tuple[str, str], tuple[str, ...]] = {
    ("打开成果", "Open what is built"): (
        "open_layers",
        "BuiltLayers",
        "LayerSchema",
        "layer_schemas",
        "export_layers",
        "figure_style",
        "COLOURS",
    ),
    ("研究", "Studies"): (
        "read_study",
        "find_study",
        "Study",
        "Workspace",
        "run",
        "new_study",
        "write_study",
        "check_file",
        "against_study",
        "read_reference",
        "reference_tables",
    ),
    ("情景", "Scenarios"): (
        "find_scenario",
        "read_scenario",
        "Scenario",
        "run_scenario",
        "ScenarioResult",
    ),
    ("缺口与标准", "Gaps and standards"): (
        "service_gap",
        "normalised_gap",
        "composite_gap",
        "rank_range",
        "Standard",
        "compare_with_standard",
        "interval",
        "verdict",
    ),
    ("覆盖与可达", "Coverage and access"): (
        "share_area_euclid",
        "coverage_ledger",
        "floating_catchment_gaussian",
    ),
    ("公平与布局", "Inequality and layout"): (
        "gini",
        "concentration_index",
        "rank_correlation",
        "transport",
        "maximal_covering",
        "p_median",
    ),
    ("孤岛效应", "Island effect"): (
        "GridFrame",
        "PointLayer",
        "IslandSettings",
        "measure_contrast",
        "claimed",
        "rank",
    ),
    ("地块", "Parcels"): (
        "write_template",
        "read_parcels",
        "find_rules",
        "read_rules",
        "measure",
        "judge",
        "evidence",
        "totals",
    ),
    ("错误", "Errors"): ("ParkgapError", "Problem"),
}

__all__ = [
    "COLOURS",
    "BuiltLayers",
    "GridFrame",
    "IslandSettings",
    "LayerSchema",
    "ParkgapError",
    "PointLayer",
    "Problem",
    "Scenario",
    "ScenarioResult",
    "Standard",
    "Study",
    "Workspace",
    "against_study",
    "check_file",
    "claimed",
    "compare_with_standard",
    "composite_gap",
    "concentration_index",
    "coverage_ledger",
    "evidence",
    "export_layers",
    "figure_style",
    "find_rules",
    "find_scenario",
    "find_study",
    "floating_catchment_gaussian",
    "gini",
    "interval",
    "judge",
    "layer_schemas",
    "maximal_covering",
    "measure",
    "measure_contrast",
    "new_study",
    "normalised_gap",
    "open_layers",
    "p_median",
    "rank",
    "rank_correlation",
    "rank_range",
    "read_parcels",
    "read_reference",
    "read_rules",
    "read_scenario",
    "read_study",
    "reference_tables",
    "run",
    "run_scenario",
    "service_gap",
    "share_area_euclid",
    "totals",
    "transport",
    "verdict",
    "write_study",
    "write_template",
]
