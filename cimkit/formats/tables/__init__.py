"""Tables: CSV, workbooks, Parquet and GeoParquet, Arrow, and the tables of a timetable."""
