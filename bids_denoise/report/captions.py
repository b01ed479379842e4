"""Titles and captions of the figures."""

CAPTIONS = {
    "image": (
        "Before and after",
        "Three planes and a detail, both at the same window.",
    ),
    "removed": (
        "What was removed",
        "Before minus after, at a symmetric scale of three sigma either way. It should look like "
        "noise: anatomy in it is anatomy that was lost.",
    ),
    "sigma": (
        "Noise level",
        "Standard deviation of the noise in each voxel, as it was estimated, in image units.",
    ),
    "tissues": (
        "Tissues",
        "Cerebrospinal fluid, grey and white matter, found in the original and in the denoised "
        "image by the same steps.",
    ),
    "tsnr": (
        "Temporal signal-to-noise ratio",
        "Mean over standard deviation in time, both at the same scale.",
    ),
    "carpet": (
        "Carpet plot",
        "Voxels of the head (rows) over time, both at the same scale.",
    ),
    "connectome": (
        "Connectome",
        "Correlation and partial correlation of the parcels' time series, both at the same scale; "
        "parcels that are close in the brain are close in the matrix.",
    ),
    "shells": ("Shells", "A volume of each shell before and after, and what was removed from it."),
    "histogram": (
        "Residual and noise model",
        "What was removed over sigma, beside noise that is removed whole. A good filter leaves "
        "some noise and stays inside of it.",
    ),
    "edges": (
        "Edge profile",
        "Mean profile across the strongest edges, before and after. A flatter rise is blur.",
    ),
    "dvars": ("DVARS", "Change from volume to volume, before and after."),
    "connectome_edges": (
        "Edges",
        "Correlations of two parcels each, after against before. Away from the diagonal they were "
        "changed.",
    ),
    "shell_snr": ("Signal to noise of the shells", "Before and after, by b-value."),
    "volumes": (
        "Removed from each volume",
        "Standard deviation of what was removed over that of the noise, volume by volume.",
    ),
}
"""Titles and captions of figures in the order they are shown in; a name without its ``_before``
or ``_after``."""
