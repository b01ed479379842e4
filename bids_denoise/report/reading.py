"""What the traffic light means, in the bounds that are in force."""

from __future__ import annotations

from bids_denoise.metrics.verdict import (
    AUTOCORRELATION,
    CLUMP_AMBER,
    CLUMP_RED,
    EDGE_AMBER,
    EDGE_RED,
    IMAGE_CORRELATION_HIGH,
    SIGMA_HIGH,
    SIGMA_LOW,
    STD_RATIO_AMBER,
    STD_RATIO_RED,
)


def thresholds() -> tuple[tuple[str, str], ...]:
    """Return what turns the light amber or red, with the bounds that are in force."""
    red, edge = f"{STD_RATIO_RED:g}", f"{EDGE_RED - 1:.0%}"
    return (
        (
            "Over-smoothing",
            f"What was removed is more than {STD_RATIO_AMBER:g} times as strong as the "
            f"noise (red from {red}), or strong edges are more than {EDGE_AMBER - 1:.0%} "
            f"wider than before (red from {edge}).",
        ),
        (
            "Structure in the residual",
            f"It follows the image (r above {IMAGE_CORRELATION_HIGH:g}), is stronger at "
            f"edges, is not white (neighbours correlate beyond {AUTOCORRELATION:g}), or "
            f"holds a region of {CLUMP_AMBER:g} voxels that is no noise "
            f"(red from {CLUMP_RED:g}).",
        ),
        (
            "Invented structure",
            "Edges became sharper than in the scan, or the residual opposes the image.",
        ),
        (
            "Sigma not trusted",
            "The image breaks the assumptions of the noise estimators, or its finest texture is "
            f"not within {SIGMA_LOW:g} to {SIGMA_HIGH:g} times of what sigma "
            "makes expect.",
        ),
        (
            "Unevenness and brightness",
            "Planes or volumes were treated unlike their neighbours, or the brightness changed.",
        ),
        ("No gain", "The estimated PSNR fell (red), or hardly any noise was removed."),
    )
