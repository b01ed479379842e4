"""An image that is open: its voxels, its noise, and the last treatments of it.

A method that takes one volume at a time treats the volume of a series that is shown; the others
the whole series.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from bids_denoise import imageio
from bids_denoise.denoisers import slabs
from bids_denoise.denoisers.choose import Kind, choose_denoiser
from bids_denoise.intensity import window
from bids_denoise.metrics.comparison import head_of
from bids_denoise.metrics.series import temporal_snr
from bids_denoise.participant.noise_of import noise_of, scaled_noise
from bids_denoise.participant.one_scan import CAUTION
from bids_denoise.values import Image, Noise, Settings
from bids_denoise.viewer.geometry import geometry_of, middle
from bids_denoise.viewer.treatment import Treatment

if TYPE_CHECKING:
    from pathlib import Path

    from bids_denoise.denoisers.base import Denoiser
    from bids_denoise.values import BoolArray, FloatArray
    from bids_denoise.viewer.library import Entry
    from bids_denoise.viewer.schema import Wish

    Key = tuple[Denoiser, float, int | None]

MOST_TREATMENTS = 3
"""Of one image that are kept, so that two methods can be compared back and forth."""


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
        self.treatments: OrderedDict[Key, Treatment] = OrderedDict()

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
        key = self._key(wish, volume)
        if key not in self.treatments:
            self.treatments[key] = self._begun(*key)
        self.treatments.move_to_end(key)
        while len(self.treatments) > MOST_TREATMENTS:
            self.treatments.popitem(last=False)
        return self.treatments[key]

    @property
    def treatments_begun(self) -> bool:
        """Whether a denoised picture has been made of it."""
        return any(each.begun or each.whole for each in list(self.treatments.values()))

    def finished(self, wish: Wish, volume: int) -> Treatment | None:
        """Return the treatment that a wish amounts to if its whole is made, at once."""
        if "noise" not in vars(self):  # nothing is finished before the noise is known
            return None
        found = self.treatments.get(self._key(wish, volume))
        return found if found is not None and found.whole is not None else None

    def _key(self, wish: Wish, volume: int) -> Key:
        given = {wish.method: wish.parameters}
        denoiser = choose_denoiser(wish.method, given, self.kind).denoiser
        alone = self.series and denoiser.dimensions == 3
        return denoiser, wish.sigma_scale, volume if alone else None

    def _begun(self, denoiser: Denoiser, scale: float, volume: int | None) -> Treatment:
        image: Image = self.image
        if volume is not None:
            data = np.ascontiguousarray(self.volume(volume))
            image = replace(image, data=data, bvals=None, phase=None)
        made = Treatment(self, denoiser, image, scaled_noise(self.noise, scale), scale)
        for (_, *same), earlier in reversed(self.treatments.items()):
            if same == [scale, volume] and earlier.begun:
                made.begun = slabs.restarted(earlier.begun, denoiser)
                break
        return made
