"""Anatomy of a scan: brain, bias field and tissues, volumes, and the way to a template."""

SEGMENTED = ("T1w", "T2w")
"""Suffixes that tissues are found in; a T2w only where its session has no T1w."""
