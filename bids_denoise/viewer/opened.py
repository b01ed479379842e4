"""An image that is open, and what becomes of it by one treatment or another.

A `Treatment` goes from nothing to everything in three steps, each made when it is asked for: the
planes that are looked at (`slabs`), the whole volume exactly as the app makes it (`apply.denoise`),
and the app's judgement of it. A method that takes one volume at a time treats the volume of a
series that is shown; the others the whole series.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from bids_denoise import imageio, scratch
from bids_denoise.denoisers import apply, slabs
from bids_denoise.denoisers.choose import Kind, choose_denoiser
from bids_denoise.intensity import window
from bids_denoise.metrics.comparison import compare, comparison_of, head_of
from bids_denoise.metrics.residual import standardised
from bids_denoise.metrics.series import temporal_snr
from bids_denoise.metrics.sure import estimated_gain
from bids_denoise.participant.echoes import with_echoes
from bids_denoise.participant.noise_of import noise_of, scaled_noise
from bids_denoise.participant.one_scan import CAUTION, cautious
from bids_denoise.values import Denoised, Image, Noise, Settings
from bids_denoise.viewer.geometry import geometry_of, middle

if TYPE_CHECKING:
    from pathlib import Path

    from bids_denoise.denoisers.base import Denoiser
    from bids_denoise.denoisers.slabs import Begun
    from bids_denoise.values import BoolArray, Device, FloatArray
    from bids_denoise.viewer.geometry import Voxel
    from bids_denoise.viewer.library import Entry
    from bids_denoise.viewer.schema import Wish

MOST_TREATMENTS = 3
"""Of one image that are kept, so that two methods can be compared back and forth."""

MOST_OF_A_PREVIEW = 0.5
"""Share of the voxels from which on planes take as long as the whole."""

HISTOGRAM = np.linspace(-4, 4, 65)
"""Edges of the bins of the residual, in standard deviations that the noise makes expect."""


class Opened:
    """The voxels of one image and its noise; nobody writes to them."""

    def __init__(self, entry: Entry, folder: Path) -> None:
        self.entry, self.folder = entry, folder
        scan = entry.scan
        self.settings = Settings(scan.dataset, folder, ("participant",))
        self.image = imageio.load(scan, folder)
        self.series = self.image.data.ndim > 3
        self.geometry = geometry_of(self.image.affine, self.image.mask.shape)
        self.steps: dict[str, int] = {}
        self.treatments: OrderedDict[tuple[Any, ...], Treatment] = OrderedDict()

    @property
    def volumes(self) -> int:
        """How many volumes there are."""
        return self.image.data.shape[3] if self.series else 1

    @cached_property
    def noise(self) -> Noise:
        """What the app takes for the noise, without a scale; takes a second or two."""
        return noise_of(self.image, self.entry.scan, self.settings)

    @cached_property
    def head(self) -> BoolArray:
        """Where the image is judged."""
        return head_of(self.image)

    @cached_property
    def kind(self) -> Kind:
        """What the choice of a method depends on."""
        scan = self.entry.scan
        trusted, phase = self.noise.trusted, scan.phase is not None
        return Kind(scan.datatype, self.image.data.shape, trusted, phase)

    @cached_property
    def tsnr(self) -> FloatArray:
        """The temporal SNR of the series as it is."""
        return temporal_snr(self.image.data)

    def volume(self, index: int) -> FloatArray:
        """Return a volume (x, y, z), a view."""
        return self.image.data[..., index] if self.series else self.image.data

    def facts(self) -> dict[str, Any]:
        """Return what the page is told of the image itself."""
        repetition = imageio.describe(self.entry.scan.path).repetition_time
        return {
            "name": self.entry.name,
            "datatype": self.entry.scan.datatype,
            "suffix": self.entry.scan.suffix,
            "shape": self.geometry.shape,
            "volumes": self.volumes,
            "tr": repetition if self.series and repetition else None,
            "spacing": self.geometry.spacing,
            "voxel": middle(self.head, self.geometry),
            "window": window(self.image.data, self.head),
            "tsnr": self.series and self.image.bvals is None and self.volumes > 1,
        }

    def noise_facts(self) -> dict[str, Any]:
        """Return what the page is told of the noise."""
        noise, inside = self.noise, self.noise.sigma[self.noise.sigma > 0]
        return {
            "law": noise.law,
            "method": noise.method,
            "sigma": float(np.median(inside)) if inside.size else 0.0,
            "trusted": noise.trusted,
            "share": 1.0 if noise.trusted else CAUTION,
            "estimates": [
                {"name": name, "sigma": float(value)} for name, value in noise.estimates.items()
            ],
            "remarks": [*noise.remarks, *self.image.remarks],
        }

    def treatment(self, wish: Wish, volume: int) -> Treatment:
        """Return the treatment that a wish amounts to, as far as it has come.

        Raises
        ------
        ScanError
            The method cannot treat such an image.
        """
        given = {wish.method: wish.parameters}
        denoiser = choose_denoiser(wish.method, given, self.kind).denoiser
        alone = self.series and denoiser.dimensions == 3
        key = (denoiser, wish.sigma_scale, volume if alone else None)
        if key not in self.treatments:
            self.treatments[key] = self._begun(denoiser, wish.sigma_scale, volume, alone)
        self.treatments.move_to_end(key)
        while len(self.treatments) > MOST_TREATMENTS:
            self.treatments.popitem(last=False)
        return self.treatments[key]

    def _begun(self, denoiser: Denoiser, scale: float, volume: int, alone: bool) -> Treatment:
        image: Image = self.image
        if alone:
            data = np.ascontiguousarray(self.volume(volume))
            image = replace(image, data=data, bvals=None, phase=None)
        noise = scaled_noise(self.noise, scale)
        made = Treatment(self, denoiser, image, noise)
        for (_, other, at), earlier in reversed(self.treatments.items()):
            if (other, at) == (scale, volume if alone else None) and earlier.begun:
                made.begun = slabs.restarted(earlier.begun, denoiser)
                break
        return made


@dataclass(eq=False)
class Treatment:
    """An image by one denoiser and one scale of sigma; `begun` and `whole` are made on the way."""

    opened: Opened
    denoiser: Denoiser
    image: Image
    noise: Noise
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
        image, opened = self.image, self.opened
        if getattr(self.denoiser, "uses_echoes", False) and opened.entry.scan.echoes:
            settings = opened.settings
            image = with_echoes(
                opened.image, opened.entry.scan, settings, self.noise, opened.folder
            )
        self.whole = apply.denoise(self.denoiser, image, cautious(self.noise), device)

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
        head = self.opened.head.astype(np.float32)
        sigma, inside = (_joined(geometry.planes(each, voxel)) for each in (self.noise.sigma, head))
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
