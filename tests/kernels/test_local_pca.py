"""PCA of overlapping patches: the batched form against the definition, and both against truth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from bids_denoise.kernels import local_pca as fast
from bids_denoise.kernels import local_pca_reference as slow
from bids_denoise.kernels.local_pca_reference import make_patches, shares, split
from bids_denoise.values import Device

if TYPE_CHECKING:
    from bids_denoise.values import FloatArray

CPU = Device(threads=1)

# Shape, radius, step: more voxels than volumes, fewer, thinner than a patch, one plane.
CASES = [
    ((9, 8, 7, 12), 2.0, 2),
    ((6, 5, 9, 60), 2.0, 1),
    ((5, 11, 4, 20), 3.0, 3),
    ((1, 7, 6, 15), 2.5, 2),
    ((8, 2, 1, 30), 1.75, 2),
]


def series(
    shape: tuple[int, ...], kind: str = "real", noise: float = 1.0, seed: int = 0
) -> tuple[Any, FloatArray]:
    """Return a series of three components, and its sigma: rising along x, 0 in some voxels."""
    rng = np.random.default_rng(seed)
    x, y, z = np.meshgrid(*(np.linspace(0, 1, size) for size in shape[:3]), indexing="ij")
    data = 100 * np.stack([np.ones_like(x), y, x * z], -1) @ (1 + rng.random((3, shape[3])))
    sigma = ((1 + 0.3 * x) * (rng.random(shape[:3]) < 0.9)).astype(np.float32)
    white = rng.standard_normal((2, *shape))
    spread = noise * sigma[..., np.newaxis]
    if kind == "real":
        return (data + spread * white[0]).astype(np.float32), sigma
    turned = data * np.exp(1j * np.arange(shape[3])) + spread * (white[0] + 1j * white[1])
    return turned.astype(np.complex64), sigma


FORMS = [
    ("sphere", "optimal", "gaussian", 0),
    ("sphere", "truncation", "exponential", 1),
    ("cube", "optimal", "uniform", 2),
]


def device_of(kind: str) -> Device:
    import torch

    if kind == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA here")
    return Device(kind)  # type: ignore[arg-type]


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("kind", ["real", "complex"])
@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("form", FORMS, ids=str)
def test_the_batched_form_agrees_with_the_definition(
    case: tuple[tuple[int, ...], float, int],
    form: tuple[str, str, str, int],
    kind: str,
    device: str,
) -> None:
    (shape, radius, step), (kernel, shrinkage, weighting, demeaned) = case, form
    where = device_of(device)
    data, sigma = series(shape, kind)
    before = data.copy()
    patches = make_patches(kernel, radius, step, weighting)
    groups = np.array_split(np.arange(shape[3]), demeaned) if demeaned else []
    found = fast.local_pca(data, sigma, patches, fast.Rule(shrinkage, groups), where)
    expected = slow.local_pca(data, sigma, patches, shrinkage, groups)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-3)
        assert one.dtype == other.dtype
    np.testing.assert_array_equal(found[0][sigma == 0], data[sigma == 0])
    np.testing.assert_array_equal(data, before)


@pytest.mark.parametrize("kind", ["real", "complex"])
def test_threads_and_sizes_of_batches_change_nothing(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, sigma = series((9, 12, 11, 25), kind)
    patches = make_patches("sphere", 2, 2, "gaussian")
    one = fast.local_pca(data, sigma, patches, fast.Rule("optimal", []), CPU)
    four = fast.local_pca(data, sigma, patches, fast.Rule("optimal", []), Device(threads=4))
    for left, right in zip(one, four, strict=True):
        np.testing.assert_array_equal(left, right)
    monkeypatch.setitem(fast.BATCH, "cpu", 5_000)
    small = fast.local_pca(data, sigma, patches, fast.Rule("optimal", []), CPU)
    np.testing.assert_allclose(small[0], one[0], rtol=1e-5)


@pytest.mark.parametrize("form", [("sphere", 2.0, 2), ("cube", 2.0, 2), ("cube", 3.0, 3)], ids=str)
@pytest.mark.parametrize("kind", ["real", "complex"])
def test_in_place_the_result_is_the_same(kind: str, form: tuple[str, float, int]) -> None:
    data, sigma = series((9, 12, 11, 25), kind)
    patches = make_patches(*form, "uniform")
    expected, _ = fast.local_pca(data, sigma, patches, fast.Rule("truncation", []), CPU)
    found, _ = fast.local_pca(data, sigma, patches, fast.Rule("truncation", []), CPU, in_place=True)
    assert found is data
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(("memory", "threads"), [(None, 4), (1, 1), (10**9, 4), (150_000_000, 2)])
def test_little_memory_takes_threads_away(memory: int | None, threads: int) -> None:
    data, sigma = series((9, 12, 11, 25))
    patches = make_patches("sphere", 2, 2, "uniform")
    device = Device(threads=4, memory=memory)
    run = fast.Run((data, data), sigma, patches, fast.Rule("truncation", []), device)
    assert run._threads() == threads


def test_the_number_of_threads_of_torch_is_left_as_it_was() -> None:
    import torch

    before = torch.get_num_threads()
    data, sigma = series((5, 5, 5, 10))
    fast.local_pca(
        data, sigma, make_patches("sphere", 2, 2, "uniform"), fast.Rule("optimal", []), CPU
    )
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("kind", ["real", "complex"])
@pytest.mark.parametrize("shrinkage", ["optimal", "truncation"])
def test_what_is_known_of_a_series_is_found(kind: str, shrinkage: str) -> None:
    data, sigma = series((14, 14, 14, 30), kind)
    truth, _ = series((14, 14, 14, 30), kind, noise=0.0)
    patches = make_patches("sphere", 2.5, 2, "gaussian")
    denoised, rank = fast.local_pca(data, sigma, patches, fast.Rule(shrinkage, []), CPU)
    inside = sigma > 0
    errors = [np.sqrt(np.mean(np.abs(each - truth)[inside] ** 2)) for each in (data, denoised)]
    assert errors[1] < 0.4 * errors[0]
    assert np.median(rank[inside]) == pytest.approx(3, abs=0.3)


def test_of_noise_alone_little_is_left_and_of_a_clean_series_all() -> None:
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((12, 12, 12, 40)).astype(np.float32)
    sigma = np.ones(noise.shape[:3], np.float32)
    patches = make_patches("sphere", 2, 2, "gaussian")
    denoised, _ = fast.local_pca(noise, sigma, patches, fast.Rule("optimal", []), CPU)
    assert denoised.std() < 0.1
    clean, sigma = series((8, 8, 8, 20), noise=0.0)
    kept, _ = fast.local_pca(clean, 1e-3 * sigma, patches, fast.Rule("optimal", []), CPU)
    np.testing.assert_allclose(kept, clean, rtol=1e-5)


def test_optimal_shares_are_nearest_to_the_truth() -> None:
    """Of all shares of the singular values, none has a smaller error by more than chance."""
    rng = np.random.default_rng(3)
    errors = dict.fromkeys(("less", "optimal", "more"), 0.0)
    for _ in range(30):
        truth = 40 * np.outer(*(each / np.linalg.norm(each) for each in _vectors(rng, 33, 60)))
        noisy = truth + rng.standard_normal(truth.shape)
        left, singular, right = np.linalg.svd(noisy, full_matrices=False)
        best = shares(singular**2 / 60, np.float64(33 / 60), "optimal")
        for name, factor in (("less", 0.85), ("optimal", 1.0), ("more", 1.15)):
            found = (left * (factor * best * singular)) @ right
            errors[name] += float(np.sum((found - truth) ** 2))
    assert errors["optimal"] < min(errors["less"], errors["more"])


def _vectors(rng: np.random.Generator, *sizes: int) -> list[Any]:
    return [rng.standard_normal(size) for size in sizes]


def test_the_mean_of_each_group_is_kept_whole() -> None:
    rng = np.random.default_rng(0)
    patch = rng.standard_normal((20, 12)) + np.repeat([5.0, -3.0], 6)
    groups = [np.arange(6), np.arange(6, 12)]
    found, rank = split(patch, "optimal", groups)
    for group in groups:
        np.testing.assert_allclose(found[:, group].mean(axis=1), patch[:, group].mean(axis=1))
    assert rank == 0


@pytest.mark.parametrize("kernel", ["sphere", "cube"])
def test_patches_of_the_allowed_radius_leave_no_gap(kernel: str) -> None:
    for step in (1, 2, 3):
        radius = np.sqrt(3) * step / 2 if kernel == "sphere" else step / 2
        offsets = make_patches(kernel, float(radius), step, "uniform").offsets
        seen = {tuple(each % step) for each in offsets}
        assert len(seen) == step**3


def test_where_eigenvectors_do_not_converge_another_lapack_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import torch

    data, sigma = series((9, 8, 7, 12))
    patches, rule = make_patches("sphere", 2.0, 2, "gaussian"), fast.Rule("truncation", [])
    usual, _ = fast.local_pca(data, sigma, patches, rule, CPU)

    def failing(_: Any) -> Any:
        raise torch.linalg.LinAlgError("failed to converge")  # type: ignore[attr-defined]

    monkeypatch.setattr(torch.linalg, "eigh", failing)
    found, _ = fast.local_pca(data, sigma, patches, rule, CPU)
    np.testing.assert_allclose(found, usual, rtol=1e-4, atol=1e-3)
