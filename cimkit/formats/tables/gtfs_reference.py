"""What the GTFS Schedule Reference asks of a feed: its files and the fields that must be in them."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import PurePosixPath

from cimkit.formats.probe import Probe
from cimkit.model import Hint

#: Files in the order of the reference, with the fields that are required without a condition.
FIELDS: dict[str, tuple[str, ...]] = {
    "agency.txt": ("agency_name", "agency_url", "agency_timezone"),
    "stops.txt": ("stop_id",),
    "routes.txt": ("route_id", "route_type"),
    "trips.txt": ("route_id", "service_id", "trip_id"),
    "stop_times.txt": ("trip_id", "stop_sequence"),
    "calendar.txt": (
        "service_id", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "start_date",
        "end_date",
    ),
    "calendar_dates.txt": ("service_id", "date", "exception_type"),
    "fare_attributes.txt": ("fare_id", "price", "currency_type", "payment_method", "transfers"),
    "fare_rules.txt": ("fare_id",),
    "timeframes.txt": ("timeframe_group_id", "service_id"),
    "rider_categories.txt": ("rider_category_id", "rider_category_name", "is_default_fare_category"),
    "fare_media.txt": ("fare_media_id", "fare_media_type"),
    "fare_products.txt": ("fare_product_id", "amount", "currency"),
    "fare_leg_rules.txt": ("fare_product_id",),
    "fare_leg_join_rules.txt": ("from_network_id", "to_network_id"),
    "fare_transfer_rules.txt": ("fare_transfer_type",),
    "areas.txt": ("area_id",),
    "stop_areas.txt": ("area_id", "stop_id"),
    "networks.txt": ("network_id",),
    "route_networks.txt": ("network_id", "route_id"),
    "shapes.txt": ("shape_id", "shape_pt_lat", "shape_pt_lon", "shape_pt_sequence"),
    "frequencies.txt": ("trip_id", "start_time", "end_time", "headway_secs"),
    "transfers.txt": ("transfer_type",),
    "pathways.txt": ("pathway_id", "from_stop_id", "to_stop_id", "pathway_mode", "is_bidirectional"),
    "levels.txt": ("level_id", "level_index"),
    "location_groups.txt": ("location_group_id",),
    "location_group_stops.txt": ("location_group_id", "stop_id"),
    "booking_rules.txt": ("booking_rule_id", "booking_type"),
    "translations.txt": ("table_name", "field_name", "language", "translation"),
    "feed_info.txt": ("feed_publisher_name", "feed_publisher_url", "feed_lang"),
    "attributions.txt": ("organization_name",),
}  # fmt: skip
LOCATIONS = "locations.geojson"
_REQUIRED = ("agency.txt", "routes.txt", "trips.txt", "stop_times.txt")
#: Of these a feed has some, and no other zip of texts does.
_CORE = (*_REQUIRED, "stops.txt", "calendar.txt", "calendar_dates.txt")
_ENOUGH = 3
#: A stop at a place, or without one, needs these as well (location_type empty or 0).
_OF_STOPS = ("stop_name", "stop_lat", "stop_lon")


def is_feed(files: Collection[str]) -> bool:
    """Whether the names of files are those of a feed."""
    found = [name for name in _CORE if name in files]
    return len(found) >= _ENOUGH and ("trips.txt" in files or "stop_times.txt" in files or "routes.txt" in files)


def missing_files(files: Collection[str]) -> list[Hint]:
    """The files that should be there, and those the reference does not know."""
    missing = [(name, "the reference asks for it") for name in _REQUIRED if name not in files]
    if "stops.txt" not in files and LOCATIONS not in files:
        missing.append(("stops.txt", "the reference asks for it where there is no locations.geojson"))
    if "calendar.txt" not in files and "calendar_dates.txt" not in files:
        missing.append(("calendar.txt", "the reference asks for it or for calendar_dates.txt"))
    if "translations.txt" in files and "feed_info.txt" not in files:
        missing.append(("feed_info.txt", "the reference asks for it where there is a translations.txt"))
    hints = [Hint("gtfs.missing_file", f"There is no {name}: {why}.") for name, why in missing]
    unknown = sorted(name for name in files if name not in FIELDS and name != LOCATIONS)
    if unknown:
        message = f"Files that the GTFS reference does not know: {', '.join(unknown)}."
        hints.append(Hint("gtfs.unknown_file", message))
    return hints


def missing_fields(file: str, names: Collection[str]) -> list[Hint]:
    """The fields that a file should have."""
    wanted = FIELDS.get(file, ())
    if file == "stops.txt":
        wanted += _OF_STOPS
    missing = [name for name in wanted if name not in names]
    if file == "routes.txt" and not {"route_short_name", "route_long_name"} & set(names):
        missing.append("route_short_name or route_long_name")
    if file == "stop_times.txt" and not {"stop_id", "location_id", "location_group_id"} & set(names):
        missing.append("stop_id")
    return [Hint("gtfs.missing_field", f"{file} has no {name}, which the reference asks for.") for name in missing]


# ---- where a feed is ----------------------------------------------------------------------

_JUNK = ("__macosx", ".ds_store", "thumbs.db")


def is_gtfs(probe: Probe) -> bool:
    """Whether a zip or a folder holds one feed, itself or as the only thing in it."""
    return feed_folder(probe) is not None


def feed_folder(probe: Probe) -> str | None:
    """The folder of the feed within a zip ("" at its top); None where there is no feed, or more than that."""
    if not (probe.members or probe.is_folder):
        return None
    folders: dict[str, set[str]] = {}
    for name in probe.names:
        path = PurePosixPath(name)
        if not name.endswith("/") and not any(part.lower() in _JUNK for part in path.parts):
            folders.setdefault(str(path.parent).removeprefix("."), set()).add(path.name)
    feeds = [folder for folder, files in folders.items() if is_feed(files)]
    if len(feeds) != 1 or (probe.is_folder and feeds[0]):
        return None
    others = [folder for folder in folders if folder != feeds[0] and not folder.startswith(f"{feeds[0]}/")]
    return None if others and feeds[0] else feeds[0]
