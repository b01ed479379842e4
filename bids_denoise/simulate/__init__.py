"""Scans with known truth: phantoms, anatomy, series, and the physics of their noise."""
