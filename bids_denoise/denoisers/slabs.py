"""A few planes of what a denoiser makes of a volume, without the rest of it.

`begin` does once what concerns the whole volume; `Begun.slab` then makes any slab of it. Methods
whose voxels depend on near ones alone give what `apply.denoise` gives, within rounding; the others
give a preview.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from bids_denoise.denoisers import apply
from bids_denoise.denoisers.by_network import ByNetwork
from bids_denoise.denoisers.gaussian import Gaussian
from bids_denoise.denoisers.generative import Generative
from bids_denoise.denoisers.nlm import (
    HALF,
    SHORTEST_EDGE,
    NonLocalMeans,
    Start,
    back_to_units,
    start_of,
)
from bids_denoise.denoisers.unet import UNet
from bids_denoise.metrics.comparison import cut, cut_noise
from bids_denoise.values import Image, Noise

if TYPE_CHECKING:
    from bids_denoise.denoisers.base import Denoiser
    from bids_denoise.denoisers.inference import Scale
    from bids_denoise.orientation import Voxels
    from bids_denoise.values import Device, FloatArray
    from bids_denoise.weights import Weights

PREVIEW_MARGIN = 4
"""Voxels around a slab that a network is shown, of the 20 that the U-Net sees: what it makes of
them is off by about a third of a percent of the range, and takes a fifth of the time."""

SERIES_MARGIN = 12
"""Voxels around a slab of a series, a multiple of every lattice of patches."""


class Slab(NamedTuple):
    """The planes `low` to `high`, the last not included, along an axis of a volume."""

    axis: int
    low: int
    high: int

    @property
    def box(self) -> tuple[slice, ...]:
        """What an array (x, y, z[, t]) is indexed with for it."""
        return (*(slice(None),) * self.axis, slice(self.low, self.high))

    def of(self, data: Voxels) -> Voxels:
        """Return the slab of (x, y, z[, t]), a view."""
        return data[self.box]

    def grown(self, margin: int, length: int, multiple: int = 1) -> Slab:
        """Return the slab with `margin` planes more on either side, where the axis goes on.

        Its first plane is moved on to a multiple of `multiple`.
        """
        low = max(self.low - margin, 0) // multiple * multiple
        return Slab(self.axis, low, min(self.high + margin, length))

    def within(self, outer: Slab) -> Slab:
        """Return where it lies in `outer`."""
        return Slab(self.axis, self.low - outer.low, self.high - outer.low)


class Begun(Protocol):
    """A volume (or series) and a denoiser, as far as they can go without knowing the slab."""

    @property
    def exact(self) -> bool:
        """Whether a slab is what the whole would be there."""
        ...

    @property
    def refines(self) -> bool:
        """Whether a rough slab takes clearly less time than the best."""
        ...

    def slab(self, slab: Slab, device: Device, *, rough: bool = False) -> FloatArray:
        """Return the slab of the denoised volume: float32, (x, y, z[, t]) with a short axis.

        A `rough` one of non-local means is off by some percent of sigma.
        """
        ...


def begin(denoiser: Denoiser, image: Image, noise: Noise, device: Device) -> Begun:
    """Return `image` ready to be denoised slab by slab, by the rules of `apply.denoise`."""
    if image.data.ndim > 3 or noise.law not in denoiser.laws:
        return _Cropped(denoiser, image, noise)
    if not noise.sigma.any() or image.data.min() == image.data.max():
        return _Cropped(denoiser, image, noise)
    if isinstance(denoiser, NonLocalMeans) and min(image.data.shape) >= SHORTEST_EDGE:
        return _Averaged(denoiser, image, noise, start_of(image, noise, device))
    if isinstance(denoiser, ByNetwork | Generative):
        return _by_network(denoiser, image, noise, device)
    return _Cropped(denoiser, image, noise)


def restarted(begun: Begun, denoiser: Denoiser) -> Begun | None:
    """Return `begun` for a denoiser of other parameters; None where it has to begin anew."""
    if isinstance(begun, _Averaged) and isinstance(denoiser, NonLocalMeans):
        return replace(begun, denoiser=denoiser)
    return None


@dataclass(frozen=True)
class _Cropped:
    """What lies around the slab is denoised with it."""

    denoiser: Denoiser
    image: Image
    noise: Noise

    @property
    def exact(self) -> bool:
        return isinstance(self.denoiser, Gaussian)

    refines = False

    def slab(self, slab: Slab, device: Device, *, rough: bool = False) -> FloatArray:  # noqa: ARG002
        length, margin = self.image.mask.shape[slab.axis], SERIES_MARGIN
        if isinstance(self.denoiser, Gaussian):
            margin = self.denoiser.reach
        outer = slab.grown(margin, length, SERIES_MARGIN)
        image, noise = cut(self.image, outer.box), cut_noise(self.noise, outer.box)
        return slab.within(outer).of(apply.denoise(self.denoiser, image, noise, device).data)


@dataclass(frozen=True)
class _Averaged:
    """Non-local means: the first estimate is that of the whole volume."""

    denoiser: NonLocalMeans
    image: Image
    noise: Noise
    start: Start
    exact = True
    refines = True

    def slab(self, slab: Slab, device: Device, *, rough: bool = False) -> FloatArray:
        estimate = nlm_slab(self.denoiser, self.start, slab, device, rough=rough)
        sigma = np.ascontiguousarray(slab.of(self.start.sigma))
        result = back_to_units(estimate, sigma, self.start.rician, device)
        apply.restore(result, cut(self.image, slab.box), cut_noise(self.noise, slab.box))
        return result


@dataclass(frozen=True)
class _ByNetwork:
    """A trained network, once, on a slab with narrow margins: a preview."""

    image: Image
    noise: Noise
    weights: Weights
    shown: FloatArray
    sigma: FloatArray
    scale: Scale
    start: Start | None
    exact = False
    refines = False

    def slab(self, slab: Slab, device: Device, *, rough: bool = False) -> FloatArray:  # noqa: ARG002
        from bids_denoise.denoisers.inference import Given, run_scaled
        from bids_denoise.denoisers.trained import from_gaussian

        network = self.weights.network
        length = self.shown.shape[slab.axis]
        outer = slab.grown(min(PREVIEW_MARGIN, network.reach), length, network.multiple)
        data = np.ascontiguousarray(outer.of(self.shown))
        sigma = np.ascontiguousarray(outer.of(self.sigma))
        pilot = None
        if self.start is not None:
            pilot = nlm_slab(NonLocalMeans(), self.start, outer, device) * sigma
        made = run_scaled(network, Given(data, sigma, pilot), self.scale, device)
        inner = slab.within(outer)
        clean, sigma = (np.ascontiguousarray(inner.of(each)) for each in (made, sigma))
        result = from_gaussian(clean, sigma, self.noise, device)
        apply.restore(result, cut(self.image, slab.box), cut_noise(self.noise, slab.box))
        return result


def _by_network(
    denoiser: ByNetwork | Generative, image: Image, noise: Noise, device: Device
) -> _ByNetwork:
    from bids_denoise.denoisers.inference import scale_of
    from bids_denoise.denoisers.trained import to_gaussian
    from bids_denoise.stabilisation import floored
    from bids_denoise.weights import load_weights

    # The generator's mean is the U-Net's result.
    own = isinstance(denoiser, ByNetwork)
    weights = load_weights(denoiser.name if own else UNet.name, getattr(denoiser, "weights", ""))
    sigma = floored(noise.sigma)
    shown = to_gaussian(image.data, sigma, noise, device)
    start = None
    if weights.network.pilot and min(shown.shape) >= SHORTEST_EDGE:
        start = start_of(replace(image, data=shown), Noise(sigma, "gaussian", "given"), device)
    return _ByNetwork(image, noise, weights, shown, sigma, scale_of(shown), start)


def nlm_slab(
    means: NonLocalMeans, start: Start, slab: Slab, device: Device, *, rough: bool = False
) -> FloatArray:
    """Return a slab of the estimate that `means` makes of a volume, with noise of 1.

    Each pass is made of no more planes than the next one needs; if it may be `rough`, of those of
    one layer of cosine transforms.
    """
    from bids_denoise.kernels import cosine_cpu

    plan, length = means.plan(start), start.unit.shape[slab.axis]
    rounds, wanted = [], slab
    for _ in range(plan.passes):
        averaged = (_one_layer if rough else _all_layers)(wanted, length)
        guides = averaged.grown(means.search_radius + means.patch_radius, length)
        rounds.append((wanted, averaged, guides))
        wanted = guides
    estimate = wanted.of(start.estimate)
    for wanted, averaged, guides in reversed(rounds):
        volume = guides.of(start.unit)
        if start.varies:
            volume, estimate = (each * guides.of(start.sigma) for each in (volume, estimate))
        inner = averaged.within(guides)
        estimate = means.average_slab(volume, estimate, inner, plan, device)
        if start.varies:
            estimate /= averaged.of(start.sigma)
        unit = np.ascontiguousarray(averaged.of(start.unit))
        cosine_cpu.wiener_in_place(unit, estimate, HALF, device.threads)
        estimate = wanted.within(averaged).of(estimate)
    return np.ascontiguousarray(estimate)


def _one_layer(slab: Slab, length: int) -> Slab:
    """Return a slab of transforms that has `slab` near its middle."""
    from bids_denoise.kernels.cosine_reference import EDGE

    margin = max((EDGE - (slab.high - slab.low)) // 2, 0)
    grown = slab.grown(margin, length)
    low = min(grown.low, max(length - EDGE, 0))
    return Slab(slab.axis, low, max(grown.high, low + EDGE))


def _all_layers(slab: Slab, length: int) -> Slab:
    """Return the slab of all cosine transforms that a voxel of `slab` is in, and of no others."""
    from bids_denoise.kernels.cosine_reference import EDGE, STEP

    step = (STEP, STEP, 1)[slab.axis]
    first = -(-max(slab.low - EDGE + 1, 0) // step) * step
    end = (slab.high - 1) // step * step + EDGE
    reaches_end = slab.high > length - EDGE
    return Slab(slab.axis, min(first, length - EDGE), length if reaches_end else end)
