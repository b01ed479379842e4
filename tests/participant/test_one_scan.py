"""One image: which method it gets, and for how much noise."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from bids_denoise.cli import main
from bids_denoise.participant.one_scan import CAUTION, cautious
from bids_denoise.simulate.kspace import low_pass
from bids_denoise.simulate.noise import add_rician
from bids_denoise.simulate.phantom import head_phantom
from bids_denoise.values import Noise
from tests.bids_factory import add_image, make_dataset

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(("trusted", "share"), [(True, 1.0), (False, CAUTION)])
def test_only_part_of_a_sigma_that_is_not_trusted_is_denoised_for(
    trusted: bool, share: float
) -> None:
    noise = Noise(np.full((2, 2, 2), 8, np.float32), "rician", "spectrum", trusted=trusted)
    used = cautious(noise)
    np.testing.assert_array_equal(used.sigma, share * noise.sigma)
    assert used.sigma.dtype == np.float32


def test_auto_leaves_the_unet_where_sigma_cannot_be_trusted(tmp_path: Path) -> None:
    """And a second run knows both results as current."""
    rng = np.random.default_rng(0)
    noisy = add_rician(head_phantom((64, 72, 56)), 10.0, rng)
    data = make_dataset(tmp_path / "raw")
    for participant, image in (("01", noisy), ("02", low_pass(noisy, 0.7, 0.0))):
        name = f"sub-{participant}/anat/sub-{participant}_T1w.nii.gz"
        add_image(data, name, np.maximum(image, 0))
    out = tmp_path / "out"
    for status in ("ok", "skipped"):
        assert main([str(data), str(out), "participant"]) == 0
        with (out / "logs" / "status.tsv").open() as file:
            assert [row["status"] for row in csv.DictReader(file, delimiter="\t")] == [status] * 2
    records = [json.loads(path.read_text()) for path in sorted(out.glob("sub-*/anat/*_qc.json"))]
    assert [record["method"] for record in records] == ["unet", "nlm"]
    assert "cannot be trusted" in records[1]["why"]
    assert "strength" in records[0]["parameters"]
    assert "search_radius" in records[1]["parameters"]
    assert records[0]["choices"]["model_card"] == "unet.json"
