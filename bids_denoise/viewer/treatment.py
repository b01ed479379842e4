"""One image by one denoiser and one scale of sigma: planes first, then the whole, then a judgement.

The three steps are each made when they are asked for: the planes that are looked at (`slabs`), the
whole volume exactly as the app makes it (`apply.denoise`), and the app's judgement of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from bids_denoise import scratch
from bids_denoise.denoisers import apply, slabs
from bids_denoise.metrics.comparison import compare, comparison_of
from bids_denoise.metrics.residual import standardised
from bids_denoise.metrics.series import temporal_snr
from bids_denoise.metrics.sure import estimated_gain
from bids_denoise.participant.echoes import with_echoes
from bids_denoise.participant.one_scan import cautious

if TYPE_CHECKING:
    from bids_denoise.denoisers.base import Denoiser
    from bids_denoise.denoisers.slabs import Begun
    from bids_denoise.values import Denoised, Device, FloatArray, Image, Noise
    from bids_denoise.viewer.geometry import Voxel
    from bids_denoise.viewer.opened import Opened

MOST_OF_A_PREVIEW = 0.5
"""Share of the voxels from which on planes take as long as the whole."""

HISTOGRAM = np.linspace(-4, 4, 65)
"""Edges of the bins of the residual, in standard deviations that the noise makes expect."""


@dataclass(eq=False)
class Treatment:
    """An image by one denoiser and one scale of sigma; `begun` and `whole` are made on the way."""

    opened: Opened
    denoiser: Denoiser
    image: Image
    noise: Noise
    scale: float
    begun: Begun | None = None
    whole: Denoised | None = None
    judged: dict[float, dict[str, Any]] = field(default_factory=dict)

    @property
    def alone(self) -> bool:
        """Whether it is one volume that is treated."""
        return self.image.data.ndim == 3

    @cached_property
    def tsnr(self) -> FloatArray:
        """The temporal SNR of the denoised series; `finish` goes before."""
        assert self.whole is not None
        return temporal_snr(self.whole.data)

    def worthwhile(self, voxel: Voxel) -> bool:
        """Say whether planes are much less work than the whole."""
        if self.alone:
            return True
        margin, shape = slabs.SERIES_MARGIN, self.image.mask.shape
        parts = (each.grown(margin, shape[each.axis]) for each in self.opened.geometry.slabs(voxel))
        share = sum((part.high - part.low) / shape[part.axis] for part in parts)
        return bool(share < MOST_OF_A_PREVIEW)

    def begin(self, device: Device) -> None:
        """Make what planes need."""
        if self.whole is None and self.begun is None:
            self.begun = slabs.begin(self.denoiser, self.image, cautious(self.noise), device)

    @property
    def refines(self) -> bool:
        """Whether rough planes are worth while before the best; `begin` goes before."""
        return self.whole is None and self.begun is not None and self.begun.refines

    def planes(
        self, voxel: Voxel, volume: int, device: Device, *, rough: bool = False
    ) -> list[FloatArray]:
        """Return three planes of the denoised image: of the whole if that is made.

        `begin` goes before.
        """
        geometry = self.opened.geometry
        if self.whole is not None:
            data = self.whole.data
            return geometry.planes(data if self.alone else data[..., volume], voxel)
        assert self.begun is not None
        begun = self.begun
        made = (begun.slab(slab, device, rough=rough) for slab in geometry.slabs(voxel))
        return [
            geometry.flat(each if self.alone else each[..., volume], plane)
            for plane, each in enumerate(made)
        ]

    @property
    def exact(self) -> bool:
        """Whether `planes` are what the app writes, within rounding."""
        return self.whole is not None or (self.begun is not None and self.begun.exact)

    def finish(self, device: Device) -> None:
        """Denoise everything, as the app does."""
        if self.whole is not None:
            return
        opened = self.opened
        if getattr(self.denoiser, "uses_echoes", False) and not self.alone:
            settings = replace(opened.settings, sigma_scale=self.scale)
            found = opened.image, opened.entry.scan, settings, self.noise, opened.folder
            self.image = with_echoes(*found)
        self.whole = apply.denoise(self.denoiser, self.image, cautious(self.noise), device)

    def layer(self, name: str) -> FloatArray | None:
        """Return a map (x, y, z) to show, None where there is none (yet)."""
        if name == "sigma":
            return self.noise.sigma
        if name == "tsnr_before":
            return self.opened.tsnr
        if self.whole is None:
            return None
        if name == "tsnr_after":
            return None if self.alone else self.tsnr
        return self.whole.maps.get(name)

    def judge(self, strength: float, device: Device) -> dict[str, Any]:
        """Return the app's figures of the whole image at a strength.

        `finish` goes before.
        """
        if strength in self.judged:
            return self.judged[strength]
        assert self.whole is not None
        data = self.whole.data
        if strength != 1:
            data = scratch.copy_of(data)
            apply.blend(data, self.image.data, strength)
        denoised, head = replace(self.whole, data=data), self.opened.head
        pair = compare(self.image, denoised, self.noise, head)[0]
        gain = None
        if self.noise.trusted and head.any():

            def redo(image: Image, noise: Noise) -> FloatArray:
                return apply.denoise(self.denoiser, image, noise, device, strength).data

            seed = self.opened.settings.seed
            gain = estimated_gain(self.image, denoised, self.noise, head, redo, seed)
        found = _residual(standardised(pair)[pair.head]) | {
            "psnr": None
            if gain is None
            else {
                "before": gain.before,
                "after": gain.after,
                "gain": gain.gain,
                "error": gain.error,
            }
        }
        self.judged[strength] = found
        return found

    def judge_planes(
        self, before: list[FloatArray], after: list[FloatArray], voxel: Voxel, strength: float
    ) -> dict[str, Any]:
        """Return the residual's figures over the planes that are shown."""
        geometry = self.opened.geometry
        sigma = _joined(geometry.planes(self.noise.sigma, voxel))
        inside = _joined(geometry.planes(self.opened.head, voxel))
        old, new = _joined(before), _joined(after)
        new = old + np.float32(strength) * (new - old)
        there = inside > 0
        noise = replace(self.noise, sigma=sigma)
        pair = comparison_of(old, new, noise, (there, there, there), (1.0, 1.0, 1.0))
        return _residual(standardised(pair)[pair.head]) | {"psnr": None}


def _joined(planes: list[FloatArray]) -> FloatArray:
    return np.concatenate([each.ravel() for each in planes])


def _residual(z: FloatArray) -> dict[str, Any]:
    """Return how a residual in units of the noise falls, beside the normal law."""
    if not z.size:
        return {"histogram": None, "std_ratio": None}
    width = HISTOGRAM[1] - HISTOGRAM[0]
    centres = (HISTOGRAM[1:] + HISTOGRAM[:-1]) / 2
    counts = np.histogram(z, HISTOGRAM)[0]
    model = np.exp(-(centres**2) / 2) / np.sqrt(2 * np.pi)
    return {
        "histogram": {
            "edges": HISTOGRAM.tolist(),
            "measured": (counts / (z.size * width)).tolist(),
            "model": model.tolist(),
        },
        "std_ratio": float(z.std(dtype=np.float64)),
    }
