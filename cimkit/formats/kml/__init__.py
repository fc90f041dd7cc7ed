"""KML and KMZ (OGC 12-007r2): placemarks read and written one by one."""
