"""How near a denoised volume is to a known truth. Shared by the benchmarks.

All arrays are (x, y, z); `inside` holds the voxels that are judged; `peak` is the brightest signal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.values import BoolArray, FloatArray

    Precise = npt.NDArray[np.float64]

SHELLS = 12
"""Of frequency, between half of the Nyquist frequency and all of it."""

FAINT_EDGE = 0.01
"""Edges of less than about 1.5 times this share of the peak are not looked at."""


def psnr(result: FloatArray, truth: FloatArray, inside: BoolArray, peak: float) -> float:
    """Return the peak signal to noise ratio in dB; infinite where nothing differs."""
    error = float(np.mean((result - truth)[inside].astype(np.float64) ** 2))
    return float(10 * np.log10(peak**2 / error)) if error else float("inf")


def psnr_to_anatomy(
    result: FloatArray,
    noisy: FloatArray,
    truth: FloatArray,
    inside: BoolArray,
    scale: tuple[float, float],
) -> float | None:
    """Return the PSNR in dB against the truth without the truth's own noise.

    With n the noise that was added, of standard deviation s, and o the truth's own, the error
    against the anatomy is that against the truth, less o^2, plus twice what the result keeps of o.
    By Stein's lemma (1981, doi:10.1214/aos/1176345632) a result keeps of o the share that it keeps
    of n: <n, result - truth> / <n, n>. Exact for white Gaussian noise. None where the error is less
    than half of o, and so too uncertain.

    Parameters
    ----------
    scale
        Peak, and standard deviation of the truth's own noise.
    """
    peak, own = scale
    added, error = ((each - truth)[inside].astype(np.float64) for each in (noisy, result))
    kept = float(np.vdot(added, error) / np.vdot(added, added)) if added.any() else 1.0
    to_anatomy = float(np.mean(error**2)) + (2 * kept - 1) * own**2
    sure = to_anatomy > (own / 2) ** 2
    return float(10 * np.log10(peak**2 / to_anatomy)) if sure else None


def ssim(result: FloatArray, truth: FloatArray, inside: BoolArray, peak: float) -> float:
    """Return the mean structural similarity (Wang 2004, doi:10.1109/TIP.2003.819861)."""
    from scipy.ndimage import gaussian_filter

    def mean(data: npt.NDArray[Any]) -> Precise:
        return np.asarray(gaussian_filter(data, 1.5, truncate=3.5, output=np.float64))

    mean_x, mean_y = mean(result), mean(truth)
    x, y = result.astype(np.float64), truth.astype(np.float64)
    spread = mean(x * x) + mean(y * y) - mean_x**2 - mean_y**2
    shared = mean(x * y) - mean_x * mean_y
    light, contrast = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    likeness = (2 * mean_x * mean_y + light) / (mean_x**2 + mean_y**2 + light)
    likeness *= (2 * shared + contrast) / (spread + contrast)
    return float(likeness[inside].mean())


def edge_widening(
    result: FloatArray,
    truth: FloatArray,
    inside: BoolArray,
    peak: float,
    spacing: tuple[float, float, float],
) -> float | None:
    """Return by what share edges are wider than in the truth; None where there are too few.

    The edges are found, placed and scaled in the truth, so that they are the same for all.
    """
    from bids_denoise.metrics.comparison import compare
    from bids_denoise.metrics.sharpness import edge_profile, edge_widths
    from bids_denoise.values import Denoised, Image, Noise

    faint = Noise(np.full(truth.shape, FAINT_EDGE * peak, np.float32), "gaussian", "known")
    image = Image(result, np.diag([*spacing, 1.0]), np.ones(truth.shape, np.bool_), head=inside)
    (pair,) = compare(image, Denoised(truth), faint, inside)
    width, true_width = edge_widths(edge_profile(pair))
    return width / true_width - 1 if width and true_width else None


def detail_error(result: FloatArray, truth: FloatArray, inside: BoolArray) -> float:
    """Return the relative error of the power above half of the Nyquist frequency.

    The power inside the mask, whose rim is made soft, is averaged over shells of equal frequency;
    the error of that, without sign and summed, is taken relative to the power of the truth. 1 is
    all detail smoothed away, or as much noise as detail.
    """
    ours, true = (_radial_power(each, inside) for each in (result, truth))
    return float(np.abs(ours - true).sum() / true.sum())


def _radial_power(data: FloatArray, inside: BoolArray) -> Precise:
    from scipy.fft import fftfreq, rfftfreq, rfftn
    from scipy.ndimage import binary_erosion, gaussian_filter

    window = gaussian_filter(binary_erosion(inside, iterations=2).astype(np.float32), 1.5)
    centred = (data - data[inside].mean(dtype=np.float64)).astype(np.float32)
    power = np.abs(rfftn(window * centred)) ** 2
    x, y = (fftfreq(length) for length in data.shape[:2])
    z = rfftfreq(data.shape[2])
    radius = np.sqrt(x[:, None, None] ** 2 + y[:, None] ** 2 + z**2) / 0.5  # of Nyquist
    shell = np.floor((radius - 0.5) / 0.5 * SHELLS).astype(int)
    high = (shell >= 0) & (shell < SHELLS)
    total = np.bincount(shell[high], weights=power[high].astype(np.float64), minlength=SHELLS)
    return np.asarray(total / np.bincount(shell[high], minlength=SHELLS))


def tissue_contrast(result: FloatArray, truth: FloatArray, tissue: BoolArray) -> float | None:
    """Return the contrast of the two largest tissues to what they vary: grey and white matter.

    The classes are two of three ranges of intensity in the truth, in `tissue`, without their rims.
    """
    from bids_denoise.metrics.comparison import compare
    from bids_denoise.metrics.contrast import intensity_classes
    from bids_denoise.values import Denoised, Image, Noise

    still = Noise(np.ones(truth.shape, np.float32), "gaussian", "known")
    image = Image(truth, np.eye(4), np.ones(truth.shape, np.bool_), head=tissue)
    whole = Image(result, np.eye(4), image.mask, head=tissue)
    (pair,) = compare(image, Denoised(truth), still, tissue)
    (judged,) = compare(whole, Denoised(truth), still, tissue)
    classes = [judged.before[each].astype(np.float64) for each in intensity_classes(pair)]
    if len(classes) < 2:
        return None
    difference = abs(classes[0].mean() - classes[1].mean())
    return float(difference / np.hypot(classes[0].std(), classes[1].std()))
