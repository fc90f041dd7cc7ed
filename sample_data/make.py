"""Make the sample city: ``python sample_data/make.py [--out DIR]``. The same files in every run."""

from __future__ import annotations

import argparse
from pathlib import Path

from city import addresses, districts, footprints, osm, pois, sensors, survey
from city.buildings import make_buildings
from city.ledger import Ledger
from city.plan import make_plan


def make(out: Path) -> None:
    """Write the deliveries and their ledgers into a folder."""
    for file in (survey.FILE, osm.FILE, footprints.FILE, addresses.TABLE, pois.FIRST, districts.FILE, sensors.DEVICES):
        (out / file).parent.mkdir(parents=True, exist_ok=True)
    ledger = Ledger()
    plan = make_plan()
    buildings = make_buildings(plan)
    surveyed = survey.deliver(out, buildings, ledger)
    osm.deliver(out, buildings, ledger)
    footprints.deliver(out, buildings, ledger)
    addresses.deliver(out, buildings, surveyed, ledger)
    pois.deliver(out, buildings, ledger)
    districts.deliver(out, plan, ledger)
    sensors.deliver(out, plan, buildings, surveyed, ledger)
    ledger.write(out / "ledger")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="the folder to write into")
    make(parser.parse_args().out)
