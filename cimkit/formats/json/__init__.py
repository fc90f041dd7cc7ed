"""Formats that are JSON: GeoJSON, plain records, and what cities say in JSON documents of other shapes."""
