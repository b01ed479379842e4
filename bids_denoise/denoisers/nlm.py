"""Non-local means: each voxel becomes the mean of those whose surroundings look alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from bids_denoise.denoisers.base import param
from bids_denoise.values import Denoised

if TYPE_CHECKING:
    from bids_denoise.denoisers.slabs import Slab
    from bids_denoise.values import Device, FloatArray, Image, Law, Noise

SHORTEST_EDGE = 8
"""Voxels below which an axis is too short for cosine transforms."""

UNGUIDED_H = 0.7
"""h, in sigma, with the noisy volume as its own guide."""

HALF = 0.5
"""Of the result, that is from before the Wiener filter: the errors of the two differ."""

LITTLE_STRUCTURE = 0.015
"""Share of coefficients that stands out where noise is heavy: 15 to 25 % of the peak in a head."""

LEAST_STRUCTURE = 0.004
"""Share of coefficients that stands out of the noise by chance, even in air."""


@dataclass(frozen=True)
class NonLocalMeans:
    """3D non-local means, guided by a first estimate, finished by a Wiener filter.

    1. Magnitude data is variance-stabilised, other data divided by sigma: noise is 1 everywhere.
    2. A first estimate keeps what is large in overlapping cosine transforms (Manjon 2012,
       doi:10.1016/j.media.2011.04.003), and tells how much structure there is.
    3. Non-local means (Buades 2005, doi:10.1137/040616024) averages the noisy voxels, with
       weights from the patches of that estimate. Where sigma varies both are in image units, in
       which equal tissue looks equal.
    4. A Wiener filter in overlapping cosine transforms, with the result as its pilot, brings
       back from the noisy image what is above the noise.
    5. The way back from 1 is without bias.

    How much structure step 2 found sets `h`, how far step 3 takes the place of the first
    estimate, and whether steps 3 and 4 are made once more: see `automatic_h`,
    `automatic_share` and `automatic_passes`. A good scan is full of structure, and is hardly
    averaged over different voxels. A volume of fewer than 8 voxels along an axis has no steps 2
    and 4, is its own guide and has one pass.
    """

    name: ClassVar[str] = "nlm"
    summary: ClassVar[str] = "3D non-local means, guided and finished by cosine transforms"
    dimensions: ClassVar[int] = 3
    datatypes: ClassVar[tuple[str, ...]] = ("anat", "func", "dwi")
    devices: ClassVar[tuple[str, ...]] = ("cpu", "cuda")
    laws: ClassVar[tuple[Law, ...]] = ("gaussian", "rician")
    citations: ClassVar[tuple[str, ...]] = ("buades2005", "manjon2012", "foi2011")

    search_radius: int = param(
        3, "half width of the search window", unit="voxels", minimum=1, maximum=10
    )
    patch_radius: int = param(1, "half width of a patch", unit="voxels", minimum=0, maximum=4)
    h: float = param(
        0.0,
        "patch difference at which a weight falls to 1/e, 0: chosen from the image's structure",
        unit="sigma",
        minimum=0.0,
        maximum=10.0,
    )
    passes: int = param(
        0, "rounds of averaging and Wiener filter, 0: chosen likewise", minimum=0, maximum=4
    )

    def denoise(self, image: Image, noise: Noise, device: Device) -> Denoised:
        """Return the volume without noise, with the `h` it was denoised by."""
        start = start_of(image, noise, device)
        if start.structure is None:
            estimate, choices = self._by_itself(start.unit, device)
        else:
            estimate, choices = self._guided(start, device)
        sigma, rician = start.sigma, start.rician
        del start  # the way back needs its room
        return Denoised(back_to_units(estimate, sigma, rician, device), choices=choices)

    def plan(self, start: Start) -> Plan:
        """Return what the structure and the noise of a volume that has a first estimate settle."""
        assert start.structure is not None
        h = self.h or automatic_h(start.structure)
        passes = self.passes or automatic_passes(start.structure)
        return Plan(Likeness(0.0, h * start.level), 1 - automatic_share(start.structure), passes, h)

    def _guided(self, start: Start, device: Device) -> tuple[FloatArray, dict[str, float]]:
        from bids_denoise.kernels import cosine_cpu

        assert start.structure is not None
        plan, unit, estimate = self.plan(start), start.unit, start.estimate
        for _ in range(plan.passes):
            if start.varies:
                unit *= start.sigma
                estimate *= start.sigma
            self._average(unit, estimate, plan.likeness, plan.remain, device)
            if start.varies:
                unit /= start.sigma
                estimate /= start.sigma
            cosine_cpu.wiener_in_place(unit, estimate, HALF, device.threads)
        facts = {"structure": round(start.structure, 4), "h": round(plan.h, 4)}
        return estimate, facts | {"passes": plan.passes}

    def _by_itself(self, unit: FloatArray, device: Device) -> tuple[FloatArray, dict[str, float]]:
        estimate = unit.copy()
        h = self.h or UNGUIDED_H
        self._average(unit, estimate, Likeness(1.0, h), 0.0, device)
        return estimate, {"h": h, "passes": 1}

    def _average(
        self,
        volume: FloatArray,
        guide: FloatArray,
        likeness: Likeness,
        remain: float,
        device: Device,
    ) -> None:
        """Replace `guide` by one pass, but for the share of it that is to `remain`."""
        from bids_denoise.kernels import nlm_cpu

        radii = self.search_radius, self.patch_radius
        shared = (likeness.sigma_guide, *radii, likeness.h)
        if device.kind == "cpu":
            how = nlm_cpu.weighting(*shared)
            nlm_cpu.nlm_pass_in_place(volume, guide, how, remain, device.threads)
            return
        from bids_denoise.kernels import bands, gpu, nlm_cuda

        with gpu.on_device(device.index):
            bands.replace_band(guide, nlm_cuda.nlm_pass(volume, guide, *shared), remain)

    def average_slab(
        self, volume: FloatArray, guide: FloatArray, slab: Slab, plan: Plan, device: Device
    ) -> FloatArray:
        """Return a slab of `guide` after one pass; only that is computed on a CPU."""
        import numpy as np

        if device.kind != "cpu":
            whole = guide.copy()
            self._average(volume, whole, plan.likeness, plan.remain, device)
            return np.ascontiguousarray(slab.of(whole))
        from bids_denoise.kernels import nlm_cpu

        likeness = plan.likeness
        radii = self.search_radius, self.patch_radius
        how = nlm_cpu.weighting(likeness.sigma_guide, *radii, likeness.h)
        volume, guide = (
            np.ascontiguousarray(np.moveaxis(each, slab.axis, 0)) for each in (volume, guide)
        )
        planes = slice(slab.low, slab.high)
        made = nlm_cpu.nlm_planes(volume, guide, planes, how, plan.remain, device.threads)
        return np.ascontiguousarray(np.moveaxis(made, 0, slab.axis))


@dataclass(frozen=True)
class Start:
    """What steps 1 and 2 make of a volume, whatever the parameters.

    Attributes
    ----------
    unit, estimate
        float32 (x, y, z), with noise of 1 and without; the two are one where there is no estimate.
    sigma
        float32 (x, y, z), positive.
    level
        Mean of sigma over the signal where it varies (the averages are then taken in image
        units), else 1.
    structure
        Share of coefficients that stand out of the noise; None for a volume too short for them.
    rician, varies
        Whether `unit` is variance-stabilised, and whether sigma varies.
    """

    unit: FloatArray
    estimate: FloatArray
    sigma: FloatArray
    level: float
    structure: float | None
    rician: bool
    varies: bool


class Plan(NamedTuple):
    """How one volume is averaged: likeness, share of the guide that remains, passes, and h."""

    likeness: Likeness
    remain: float
    passes: int
    h: float


def start_of(image: Image, noise: Noise, device: Device) -> Start:
    """Return what non-local means start from, for a volume with positive sigma."""
    from bids_denoise.kernels import cosine_cpu
    from bids_denoise.stabilisation import floored, stabilise

    rician, sigma, threads = noise.law == "rician", floored(noise.sigma), device.threads
    unit = stabilise(image.data, sigma, threads) if rician else image.data / sigma
    if min(unit.shape) < SHORTEST_EDGE:
        return Start(unit, unit, sigma, 1.0, None, rician, varies=False)
    estimate, structure = cosine_cpu.keep_large(unit, threads)
    varies = bool(sigma.min() < sigma.max())
    level = mean_sigma(estimate, sigma) if varies else 1.0
    return Start(unit, estimate, sigma, level, structure, rician, varies)


def back_to_units(
    estimate: FloatArray, sigma: FloatArray, rician: bool, device: Device
) -> FloatArray:
    """Return an estimate with noise of 1 in the units of `sigma`; it is written to."""
    from bids_denoise.stabilisation import unstabilise

    if rician:
        return unstabilise(estimate, sigma, device.threads)
    estimate *= sigma
    return estimate


class Likeness(NamedTuple):
    """When patches count as alike: the noise left in the guide, and `h`; in its units."""

    sigma_guide: float
    h: float


def mean_sigma(unit: FloatArray, sigma: FloatArray) -> float:
    """Return the mean of `sigma` with the image ``unit * sigma`` as weights: air does not count."""
    import numpy as np

    signal = np.maximum(unit, 0)
    signal *= sigma
    total = float(signal.sum())
    return float(np.vdot(signal, sigma)) / total if total > 0 else float(sigma.mean())


def automatic_h(structure: float) -> float:
    """Return h, in sigma, for an image of which the share `structure` stands out.

    The guide's error is that of the coefficients it kept: its variance is about `structure` of
    the noise's, and patches are alike when they differ by a few times that error. ``4 k^0.65`` is
    the best h within 0.1 dB from 2 to 25 % noise for Colin27, the MNI152 template and single
    brain-extracted scans alike, over which k goes from 0.01 to 0.2.
    """
    return float(4 * max(structure, LEAST_STRUCTURE) ** 0.65)


def automatic_share(structure: float) -> float:
    """Return the share of non-local means in its mix with the first estimate.

    Where structure is much, a voxel has hardly any like it and the average blurs; the first
    estimate does not. ``(0.06 / k)^(2/3)`` keeps the mix within 0.15 dB of the best for the
    same images.
    """
    return float(min(1.0, (0.06 / max(structure, LEAST_STRUCTURE)) ** (2 / 3)))


def automatic_passes(structure: float) -> int:
    """Return how many rounds of averaging and Wiener filter pay off.

    A second one, guided by the result of the first, gains 0.1 to 0.3 dB where noise leaves
    less than `LITTLE_STRUCTURE` of the coefficients, for the same images; elsewhere nothing, or
    it costs as much.
    """
    return 2 if structure < LITTLE_STRUCTURE else 1
