"""A treatment of a series of several echoes is that of the app."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from bids_denoise.cli import main
from bids_denoise.imageio import read
from bids_denoise.simulate.noise import add_rician
from bids_denoise.simulate.phantom import head_phantom
from bids_denoise.values import Device
from bids_denoise.viewer.library import library_of
from bids_denoise.viewer.opened import Opened
from bids_denoise.viewer.schema import Wish
from tests.bids_factory import add_image, make_dataset

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("scale", [1.0, 1.5])
def test_echoes_are_denoised_together(tmp_path: Path, scale: float) -> None:
    rng = np.random.default_rng(0)
    head = head_phantom((20, 22, 12))[..., np.newaxis] * (1 + 0.05 * np.sin(np.arange(16)))
    data = make_dataset(tmp_path / "raw")
    for echo, share in ((1, 1.0), (2, 0.6)):
        name = f"sub-01/func/sub-01_task-rest_echo-{echo}_bold.nii.gz"
        add_image(data, name, add_rician(np.asarray(share * head, np.float32), 8.0, rng))
    opened = Opened(library_of(data).entries[0], tmp_path)
    treatment = opened.treatment(Wish("pca", sigma_scale=scale), 0)
    treatment.finish(Device(threads=2))
    out = tmp_path / "out"
    options = ("--method", "pca", "--sigma-scale", str(scale))
    assert main([str(data), str(out), "participant", *options]) == 0
    (written,) = out.glob("sub-01/func/*_echo-1_*desc-denoised_bold.nii.gz")
    assert treatment.whole is not None
    assert treatment.image.echoes
    np.testing.assert_allclose(treatment.whole.data, read(written), rtol=1e-5, atol=1e-3)
