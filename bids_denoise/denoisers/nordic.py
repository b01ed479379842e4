"""NORDIC: large patches of a complex series, by the noise level."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from bids_denoise.denoisers.base import param
from bids_denoise.values import Denoised

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from bids_denoise.values import Device, FloatArray, Image, Law, Noise

    ComplexArray = npt.NDArray[np.complex64]


@dataclass(frozen=True)
class Nordic:
    """Denoise a series by the singular values of large patches that exceed those of noise.

    Noise reduction with distribution corrected PCA (Moeller 2021,
    DOI 10.1016/j.neuroimage.2020.117539; Vizioli 2021, DOI 10.1038/s41467-021-25431-8): a series is
    divided by its noise map (the g-factor), cubes of `ratio` voxels for each volume, half of
    them overlapping, are decomposed, and what is below the largest singular value of noise goes.
    That is taken from its law, the edge of Marchenko and Pastur, not from random matrices.

    With a phase image beside the magnitude (``part-phase``) the series is complex: its noise is
    Gaussian at any signal, and its magnitude afterwards has hardly a noise floor. Phase that is
    smooth in the plane, which breath and drift change from volume to volume, is taken out
    before. **Without, only the magnitude is denoised**: weak signal has less noise than the
    threshold expects, the floor stays, and the record says so (``input``: ``magnitude only``).
    """

    name: ClassVar[str] = "nordic"
    summary: ClassVar[str] = "NORDIC: large patches of a complex (or, weaker, magnitude) series"
    dimensions: ClassVar[int] = 4
    datatypes: ClassVar[tuple[str, ...]] = ("func", "dwi")
    devices: ClassVar[tuple[str, ...]] = ("cpu", "cuda")
    laws: ClassVar[tuple[Law, ...]] = ("gaussian", "rician", "nc-chi")
    fewest_volumes: ClassVar[int] = 10
    uses_phase: ClassVar[bool] = True
    uses_echoes: ClassVar[bool] = True
    citations: ClassVar[tuple[str, ...]] = ("moeller2021", "vizioli2021")

    ratio: float = param(
        11.0, "voxels of a patch for each volume", unit="voxels", minimum=1.0, maximum=50.0
    )
    phase_width: float = param(
        3.0,
        "standard deviation of the smoothing for the phase taken out of each slice; 0: none",
        unit="voxels",
        minimum=0.0,
        maximum=30.0,
    )

    def denoise(self, image: Image, noise: Noise, device: Device) -> Denoised:
        """Return the magnitude of the series without its noise components, and the map ``rank``."""
        import numpy as np

        from bids_denoise.kernels.local_pca import Rule, local_pca
        from bids_denoise.kernels.local_pca_reference import make_patches

        volumes = image.data.shape[-1]
        radius = max(round((self.ratio * volumes) ** (1 / 3)) // 2, 1)
        patches = make_patches("cube", radius, radius, "uniform")
        sigma = np.where(image.mask, noise.sigma, np.float32(0))
        complex_valued = image.phase is not None
        data = self._complex(image) if complex_valued else image.data
        rule = Rule("truncation")
        found, rank = local_pca(data, sigma, patches, rule, device, in_place=complex_valued)
        told = "complex" if complex_valued else "magnitude only"
        magnitude = _magnitude(found) if complex_valued else found
        return Denoised(magnitude, {"rank": rank}, {"patch": 2 * radius + 1, "input": told})

    def _complex(self, image: Image) -> ComplexArray:
        """Return the complex series, without the phase that is smooth in each slice."""
        import numpy as np

        from bids_denoise import scratch

        assert image.phase is not None
        data: ComplexArray = scratch.empty_like(image.data, dtype=np.complex64)
        for into, magnitude, phase in zip(data, image.data, image.phase, strict=True):
            np.multiply(magnitude, np.exp(np.complex64(1j) * phase), out=into)
        if self.phase_width:
            take_smooth_phase_out(data, self.phase_width)
        return data


def _magnitude(data: ComplexArray) -> FloatArray:
    import numpy as np

    from bids_denoise import scratch

    magnitude: FloatArray = scratch.empty_like(data, dtype=np.float32)
    for values, into in zip(data, magnitude, strict=True):
        np.abs(values, out=into)
    return magnitude


def take_smooth_phase_out(data: ComplexArray, width: float) -> None:
    """Take the phase of a complex series (x, y, z, t) after smoothing within its slices out of it.

    `width` is the standard deviation of the Gaussian in voxels. First along y, plane after plane,
    then along x, row after row: that of a slice in one go would have to fetch every plane for it.
    """
    import numpy as np

    from bids_denoise import scratch

    smooth = scratch.empty_like(data)
    for into, plane in zip(smooth, data, strict=True):
        into[...] = _smoothed(plane, width)
    for rows in scratch.parts(data, 1):
        found = _smoothed(smooth[:, rows], width)
        data[:, rows] *= np.exp(np.complex64(-1j) * np.angle(found))


def _smoothed(values: ComplexArray, width: float) -> ComplexArray:
    """Return `values`, smoothed along their first axis."""
    import numpy as np
    from scipy.ndimage import gaussian_filter1d

    smooth: ComplexArray = np.empty_like(values)
    smooth.real, smooth.imag = (
        gaussian_filter1d(part, width, axis=0) for part in (values.real, values.imag)
    )
    return smooth
