"""The E step of tissue segmentation: the engine, the definition, its limits."""

from __future__ import annotations

import numpy as np
import pytest

from bids_denoise.anatomy.classes import MIXTURES
from bids_denoise.kernels import tissue_cpu, tissue_reference
from bids_denoise.kernels.tissue_reference import PRODUCTS, Model, Voxels

ENGINES = [tissue_reference, tissue_cpu]


def problem(context: int = 3, seed: int = 0) -> tuple[Voxels, Model, np.ndarray]:
    rng = np.random.default_rng(seed)
    shape = (9, 12, 10)
    inside = np.zeros(shape, dtype=bool)
    inside[1:-1, 1:-1, 1:-1] = rng.random((7, 10, 8)) < 0.6
    fractions = rng.random((*shape, 3), np.float32) * inside[..., np.newaxis]
    fractions /= np.maximum(fractions.sum(axis=-1, keepdims=True), np.float32(1e-6))
    voxels = Voxels(
        rng.uniform(0.2, 1, shape).astype(np.float32),
        rng.uniform(0.8, 1.2, shape).astype(np.float32),
        inside,
        rng.normal(size=(*shape, context)).astype(np.float32),
    )
    means = MIXTURES @ np.array([0.6, 0.9, 0.3], np.float32)
    weights = rng.normal(size=(len(means), PRODUCTS + context)).astype(np.float32)
    near = np.array([0.22, 0.22, 0.06], np.float32)
    return voxels, Model(MIXTURES, means, np.float32(0.01), weights, near), fractions


@pytest.mark.parametrize("context", [0, 3, 6])
def test_the_engine_agrees_with_the_definition(context: int) -> None:
    voxels, model, fractions = problem(context)
    expected, sums = tissue_cpu.expect(voxels, model, fractions)
    defined, defined_sums = tissue_reference.expect(voxels, model, fractions)
    np.testing.assert_allclose(expected, defined, atol=2e-5)
    np.testing.assert_allclose(sums, defined_sums, rtol=1e-3, atol=1e-3)


def test_threads_change_no_bit() -> None:
    voxels, model, fractions = problem()
    one, three = (tissue_cpu.expect(voxels, model, fractions, n) for n in (1, 3))
    for each, other in zip(one, three, strict=True):
        np.testing.assert_array_equal(each, other)


@pytest.mark.parametrize("engine", ENGINES)
def test_fractions_sum_to_one_inside_and_are_zero_beyond(engine) -> None:  # type: ignore[no-untyped-def]
    voxels, model, fractions = problem(seed=1)
    expected, sums = engine.expect(voxels, model, fractions)
    np.testing.assert_allclose(expected.sum(axis=-1), voxels.inside, atol=1e-5)
    assert sums[:, 0].sum() == pytest.approx(voxels.inside.sum(), rel=1e-4)


@pytest.mark.parametrize("engine", ENGINES)
def test_without_noise_a_value_is_its_mixture(engine) -> None:  # type: ignore[no-untyped-def]
    voxels, model, fractions = problem(seed=2)
    state = np.random.default_rng(0).integers(0, len(MIXTURES), voxels.data.shape)
    voxels = voxels._replace(data=model.means[state] * voxels.field)
    expected, _ = engine.expect(voxels, model._replace(variance=np.float32(1e-5)), fractions)
    np.testing.assert_allclose(expected[voxels.inside], MIXTURES[state[voxels.inside]], atol=1e-4)


@pytest.mark.parametrize("engine", ENGINES)
def test_neighbours_decide_where_the_value_does_not(engine) -> None:  # type: ignore[no-untyped-def]
    """With weights on the squares, a voxel among white matter is white matter."""
    voxels, model, fractions = problem(context=0)
    fractions[...] = voxels.inside[..., np.newaxis] * np.array([0, 1, 0], np.float32)
    weights = np.zeros_like(model.weights)
    weights[1, 1] = 20
    unknown = model._replace(variance=np.float32(1e6), weights=weights)
    inside = np.zeros_like(voxels.inside)
    inside[2:-2, 2:-2, 2:-2] = voxels.inside[2:-2, 2:-2, 2:-2] = True
    fractions[inside] = (0, 1, 0)
    expected, _ = engine.expect(voxels._replace(inside=inside), unknown, fractions)
    assert expected[inside][:, 1].min() > 0.99
