"""Completeness and statistics of a whole layer (L5), by Great Expectations."""
