"""The tissues of an image before and after, at the same planes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bids_denoise.metrics.comparison import head_of
from bids_denoise.report.figures.planes import planes_figure
from bids_denoise.report.figures.style import save_picture
from bids_denoise.report.figures.views import views_of

if TYPE_CHECKING:
    from pathlib import Path

    from bids_denoise.anatomy.person import Anatomy, Segmented
    from bids_denoise.values import Denoised, FloatArray, Image

BRIGHTNESS = np.array([np.nan, 2, 3, 1], dtype=np.float32)
"""Of no tissue, GM, WM and CSF: as on a T1w image."""


def draw_tissues(
    made: Anatomy | None, images: tuple[Image, Denoised], folder: Path, stem: str
) -> dict[str, Path]:
    """Draw the tissues as `figures.draw` does; none where there is no anatomy."""
    if made is None:
        return {}
    image, denoised = images
    views = views_of(denoised.data, head_of(image), image.affine)

    def drawn(one: Segmented, name: str) -> Path:
        shown: FloatArray = BRIGHTNESS[one.tissues.labels]
        figure = planes_figure(shown, views, (0.5, 3.5), "cividis", "CSF, GM, WM")
        return save_picture(figure, folder / f"{stem}_tissues-{name}.png")

    pairs = (("before", made.before), ("after", made.after))
    return {f"tissues_{name}": drawn(one, name) for name, one in pairs}
