"""What each number is called, in which unit, which way is better, and what not to read into it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Term:
    """The meaning of one number of `Quality`.

    Attributes
    ----------
    label
        Its name for people.
    meaning
        One sentence: what it is, and its limits.
    better
        Which way it should go, or which value it should have.
    unit
        Empty for ratios.
    digits
        Decimals worth printing.
    """

    label: str
    meaning: str
    better: Literal["higher", "lower", "near 1", "near 0", ""] = ""
    unit: str = ""
    digits: int = 2


PAIRED = {
    "snr": Term(
        "SNR",
        "Mean over standard deviation inside the two largest intensity classes. Classes come from "
        "intensity, not anatomy; any smoothing raises it.",
        "higher",
    ),
    "cnr": Term(
        "CNR",
        "Contrast between the two largest intensity classes over their joint spread. Real "
        "variation inside the tissues counts as noise.",
        "higher",
    ),
    "cjv": Term(
        "CJV",
        "Joint variation of the two largest intensity classes: their spreads over their "
        "difference. Shading from the coils raises it, denoised or not.",
        "lower",
    ),
    "efc": Term(
        "EFC",
        "Entropy focus criterion over all measured voxels. Any filter that cleans the air "
        "lowers it.",
        "lower",
        digits=3,
    ),
    "fber": Term(
        "FBER",
        "Energy of the head over that of the air. Any filter that cleans the air makes it "
        "meaningless.",
        "higher",
        digits=0,
    ),
    "noise": Term(
        "Noise",
        "Finest texture in the quietest quarter of the head, in image units; of a series, in the "
        "difference of two volumes. A filter that takes out only the finest scale looks better "
        "here than it is.",
        "lower",
        digits=3,
    ),
    "edge_width": Term(
        "Edge width",
        "10-90 % rise of the mean profile across strong edges, at the same places both times.",
        "near 1",
        "mm",
    ),
    "psnr": Term(
        "PSNR",
        "Peak signal-to-noise ratio in the head: before from sigma, after by Monte-Carlo SURE, "
        "without knowing the truth. Believe it as far as sigma.",
        "higher",
        "dB",
        1,
    ),
    "tsnr": Term(
        "tSNR",
        "Median over the head of mean over standard deviation in time. Drift and activity count "
        "as noise; temporal smoothing raises it.",
        "higher",
        digits=1,
    ),
    "tsnr_dark": Term(
        "tSNR, dark tissue",
        "tSNR in the dark class of the mean volume: in T2*-weighted runs mostly white matter with "
        "a brain mask, bone and rim without. Classes come from intensity, not anatomy.",
        "higher",
        digits=1,
    ),
    "tsnr_middle": Term(
        "tSNR, middle tissue",
        "tSNR in the middle class of the mean volume: in T2*-weighted runs mostly grey matter "
        "with a brain mask, most of the brain without. Classes come from intensity, not anatomy.",
        "higher",
        digits=1,
    ),
    "tsnr_bright": Term(
        "tSNR, bright tissue",
        "tSNR in the bright class of the mean volume: mostly CSF in T2*-weighted runs. "
        "Classes come from intensity, not anatomy.",
        "higher",
        digits=1,
    ),
    "dvars": Term(
        "DVARS",
        "Median change from volume to volume, in % of the mean. Motion is in it as well.",
        "lower",
        "%",
    ),
    "smoothness": Term(
        "Smoothness",
        "FWHM of what varies in time, from the correlation of neighbours. It rises as noise goes, "
        "towards that of the signal; the same gain by a wider kernel would be blurring.",
        unit="mm",
    ),
    "temporal_autocorrelation": Term(
        "Temporal autocorrelation",
        "Correlation of one volume with the next, without the mean image. It rises as noise goes; "
        "statistics have to account for it.",
    ),
    "edge_strength": Term(
        "Connectome, mean |r|",
        "Mean size of the correlation of two parcels' time series. It rises as noise goes, and "
        "with anything that parcels share: smoothing, motion, breath.",
        digits=3,
    ),
    "edge_reliability": Term(
        "Connectome, halves alike",
        "Pearson correlation of the edges in the first and the second half of the run, after "
        "Fisher's z. Smoothing raises it, and so does what is no brain but stays the same.",
        "higher",
        digits=3,
    ),
    "parcel_identifiability": Term(
        "Connectome, parcels known again",
        "Share of parcels whose edges in the first half of the run are most like those of the same "
        "parcel in the second.",
        "higher",
        digits=3,
    ),
    "partial_reliability": Term(
        "Partial connectome, halves alike",
        "The same correlation of halves for partial correlations, in which thermal noise counts "
        "most: what all other parcels share is taken out.",
        "higher",
        digits=3,
    ),
    "gm_volume": Term(
        "Grey matter",
        "Volume of grey matter; a voxel counts by its share. Its truth is not known: see how it "
        "agrees over repeats.",
        unit="mL",
        digits=1,
    ),
    "wm_volume": Term("White matter", "Volume of white matter.", unit="mL", digits=1),
    "csf_volume": Term(
        "CSF", "Volume of cerebrospinal fluid inside the brain mask.", unit="mL", digits=1
    ),
    "brain_volume": Term("Brain", "Grey and white matter together.", unit="mL", digits=1),
    "above_b0": Term(
        "Signal above b0",
        "Share of the values of weighted volumes that exceed the mean at b = 0, where diffusion "
        "can only take signal away.",
        "lower",
        "%",
    ),
}

RESIDUAL = {
    "std_ratio": Term(
        "Removed / sigma",
        "Standard deviation of what was removed over that of the noise. Above 1, more than "
        "noise was removed; well below, noise was left.",
        "near 1",
    ),
    "noise_left": Term(
        "Noise left",
        "Finest texture after over before.",
        "lower",
    ),
    "sigma_check": Term(
        "Sigma check",
        "Finest texture before, over what sigma makes expect. Lower for interpolated data, higher "
        "where structure is as fine as the voxels.",
        "near 1",
    ),
    "edge_width_ratio": Term(
        "Edge width ratio",
        "After over before; above 1 edges were blurred, below sharpened.",
        "near 1",
    ),
    "psnr_gain": Term(
        "PSNR gain",
        "Monte-Carlo SURE estimate. Left out where sigma is not to be trusted.",
        "higher",
        "dB",
        1,
    ),
    "psnr_gain_error": Term(
        "PSNR gain, error",
        "Standard error of the gain: by chance, and by a sigma that is off by 2 %.",
        "",
        "dB",
        1,
    ),
    "mean": Term(
        "Mean",
        "Median of what was removed, in sigma. Away from 0 the brightness changed.",
        "near 0",
    ),
    "brightness": Term(
        "Brightness",
        "Median of the brighter half of the head, after over before.",
        "near 1",
        digits=3,
    ),
    "outliers": Term(
        "Outliers",
        "Share of voxels that changed by more than 4 sigma; 0.00006 for Gaussian noise.",
        "near 0",
        digits=5,
    ),
    "autocorrelation": Term(
        "Autocorrelation",
        "Of neighbouring residuals, along the axis where it is largest. Noise that is "
        "correlated in the scan itself shows here too.",
        "near 0",
    ),
    "autocorrelation_z": Term(
        "Autocorrelation, z",
        "The same in standard errors of white noise. With a million voxels the faintest "
        "correlation is significant.",
        "near 0",
        digits=0,
    ),
    "image_correlation": Term(
        "Correlation with the image",
        "Of what was removed from a voxel and the mean of its neighbours, without trends. "
        "Positive: structure was removed; negative: structure was added.",
        "near 0",
    ),
    "gradient_correlation": Term(
        "Correlation with edges",
        "Of the residual's size and the image's gradient, without trends. Positive: more was "
        "removed at edges than beside them.",
        "near 0",
    ),
    "local_mean_spread": Term(
        "Spread of local means",
        "Of the residual over 27 voxels, in units of what white noise gives.",
        "near 1",
    ),
    "clumped": Term(
        "Clumped share",
        "Share of the head where the residual's local mean is no noise.",
        "near 0",
        digits=5,
    ),
    "largest_clump": Term(
        "Largest clump", "Voxels of the largest such region.", "near 0", "voxels", 0
    ),
    "plane_step": Term(
        "Plane step", "Largest step of the residual's mean from plane to plane, in sigma.", "near 0"
    ),
    "plane_step_z": Term("Plane step, z", "The same in standard errors.", "near 0", digits=1),
    "plane_variance": Term(
        "Plane variance",
        "Largest relative change of the residual's variance from plane to plane.",
        "near 0",
    ),
    "volume_unevenness": Term(
        "Unevenness over volumes",
        "Factor between the most different volume and the median of its shell or run.",
        "near 1",
    ),
    "volume_lowest": Term(
        "Least removed from a volume", "Removed / sigma of the volume with the least.", "near 1"
    ),
    "volume_highest": Term(
        "Most removed from a volume", "Removed / sigma of the volume with the most.", "near 1"
    ),
}


def term(name: str) -> Term:
    """Return the meaning of a number by its key in `Quality`; of an unknown one, its name.

    >>> term("snr_b1000").label
    'SNR, b = 1000 s/mm²'
    """
    shell = re.fullmatch(r"snr_b(\d+)", name)
    if shell:
        return Term(
            f"SNR, b = {shell[1]} s/mm²",
            "Median signal of the head over the finest texture in the difference of two volumes. "
            "Where a shell has one volume, structure counts as noise.",
            "higher",
            digits=1,
        )
    return PAIRED.get(name) or RESIDUAL.get(name) or Term(name.replace("_", " "), "")
