"""Six real datasets held against cim-core, each by a crosswalk of its own: a report of every kind, and a summary.

python tests/real/against_core/reports.py DATA_DIR OUT_DIR
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import cimkit
from cimkit import report as reports

HERE = Path(__file__).parent
#: Name -> (path in the data folder, crosswalk: a file here or one of cim-core's, layer to read).
DATASETS: dict[str, tuple[str, str, str | None]] = {
    "alexandria": ("alexandria_va/buildings.shp", "alexandria.yaml", None),
    "china_areas": ("china_admin/areas.csv", "china_areas.yaml", None),
    "shanghai": ("shanghai/区县界_area.shp", "shanghai.yaml", None),
    "washington_parcels": ("washington_dc/parcel-lots.geojson", "washington_parcels.yaml", None),
    "porto_alegre": ("gtfs_osm_porto_alegre/poa_eptc.zip", "porto_alegre.yaml", "stops"),
    "plateau": ("citygml_plateau/bldg/53392642_bldg_6697_op2.gml", "plateau-building", "building"),
}


def against_core(data: Path, name: str, lang: str = "en") -> cimkit.model.Report:
    """One of the datasets against cim-core 0.1, at a fixed time."""
    path, crosswalk, layer = DATASETS[name]
    known = HERE / crosswalk
    return cimkit.check(
        data / path,
        standard="cim-core@^0.1",
        crosswalk=known if known.is_file() else crosswalk,
        layer=layer,
        clock="2026-01-01T00:00:00Z",
        lang=lang,
    )


def main(data: Path, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    heads = ("records", "rules", "failed", "errors", "warnings", "remarks", "s")
    print(f"{'dataset':20}" + "".join(f"{head:>10}" for head in heads))
    for name in DATASETS:
        start = time.perf_counter()
        report = against_core(data, name)
        seconds = time.perf_counter() - start
        for suffix in reports.SUFFIXES:
            reports.write(report, out / f"{name}{suffix}")
        reports.write(against_core(data, name, "zh"), out / f"{name}.zh.html", "zh")
        failed = sum(rule.failed > 0 for rule in report.rules)
        counts = (report.coverage.features_checked, len(report.rules), failed, *report.totals.values())
        print(f"{name:20}" + "".join(f"{count:10,}" for count in counts) + f"{seconds:10.1f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
