"""Independent evidence: nothing in this package imports, calls or copies oneseal's own code."""
