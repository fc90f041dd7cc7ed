"""Formats that GDAL reads and writes, through pyogrio's Arrow streams; each file mends what GDAL gets wrong."""
