"""Journey granularity over thresholds and minimum sizes."""
