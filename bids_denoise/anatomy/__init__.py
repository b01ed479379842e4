"""Anatomy of a scan: brain, bias field and tissues, volumes, and the way to a template."""
