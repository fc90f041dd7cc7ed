"""Series of measurements (L2): cadence, stuck values, ranges, units, times."""
