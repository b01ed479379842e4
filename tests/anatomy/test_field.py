"""The smooth field: what it can follow, and what it leaves alone."""

from __future__ import annotations

import numpy as np

from bids_denoise.anatomy.field import Field


def test_a_smooth_field_is_followed_from_a_lattice() -> None:
    shape, steps = (40, 50, 30), (2, 3, 1)
    axes = (np.linspace(-1, 1, length) for length in shape)
    x, y, z = np.meshgrid(*axes, indexing="ij")
    true = np.exp(0.2 * x - 0.1 * y * z + 0.1 * np.cos(2 * x)).astype(np.float32)
    inside = x**2 + y**2 + z**2 < 1
    lattice = tuple(slice(None, None, step) for step in steps)
    field = Field(inside, np.ones(3), steps)
    seen, weight = true[lattice], inside[lattice].astype(np.float32)
    for _ in range(6):
        now = field.on_lattice() * seen[inside[lattice]].mean()
        field.fit(weight * now**2, weight * now * (seen - now))
    ratio = (field.everywhere() / true)[inside]
    assert ratio.std() / ratio.mean() < 0.01


def test_folds_are_left_alone() -> None:
    """What alternates within a few voxels is anatomy."""
    shape = (40, 40, 40)
    folds = 1 + 0.3 * (np.indices(shape).sum(axis=0) // 3 % 2)
    inside = np.ones(shape, dtype=bool)
    field = Field(inside, np.ones(3), (1, 1, 1))
    for _ in range(4):
        now = field.on_lattice()
        field.fit(now**2, (now * (folds / folds.mean() - now)).astype(np.float32))
    assert field.everywhere().std() < 0.02
