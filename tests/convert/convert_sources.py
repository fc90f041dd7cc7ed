"""Geometries and times that not every format can hold."""

from __future__ import annotations

import datetime
import struct

#: An arc over (0 0) (1 1) (2 0), in the place of the sample city.
ARC = struct.pack("<BII6d", 1, 8, 3, 111.0, 40.0, 111.1, 40.1, 111.2, 40.0)
CIRCLE = struct.pack("<BII", 1, 10, 1) + struct.pack("<BII6d", 1, 8, 3, 111.0, 40.0, 111.2, 40.0, 111.0, 40.0)
SURFACE = struct.pack("<BII", 1, 1015, 2) + 2 * struct.pack(
    "<BIII12d", 1, 1003, 1, 4, 111, 40, 5, 111.1, 40, 5, 111.1, 40.1, 6, 111, 40, 5
)
MOMENT = datetime.datetime(2024, 5, 1, 12, 30, 15, 123456)
