from pathlib import Path

import numpy as np
import pytest

from bids_denoise.dataset import find_scans
from bids_denoise.imageio import describe, load, read, write_like
from bids_denoise.values import Filters

DATA = Path(__file__).parents[3] / "shared" / "data"
DATASETS = {
    "human-bold": 1,
    "human-depression": 20,
    "human-dwi": 1,
    "human-head": 1,
    "human-ms": 9,
    "mouse-rtg4510": 25,
}

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"the real scans are not in {DATA}"),
]


@pytest.mark.parametrize("name", DATASETS)
def test_every_real_scan_is_found_and_the_first_is_read_and_written(
    name: str, tmp_path: Path
) -> None:
    found = find_scans(DATA / name, Filters())
    assert len(found.scans) == DATASETS[name]
    assert found.dropped == ()
    scan = found.scans[0]
    image = load(scan)
    shape = describe(scan.path).shape
    assert image.data.shape == shape
    assert (image.bvals is not None) == (scan.suffix == "dwi")
    write_like(tmp_path / "out.nii", image.data, scan.path)
    np.testing.assert_array_equal(read(tmp_path / "out.nii"), image.data)


@pytest.mark.parametrize("name", ["human-depression", "mouse-rtg4510"])
def test_the_air_of_real_brain_extracted_scans_is_padding(name: str) -> None:
    """At least 99.9 % of it: the rest are zeros that the brain encloses."""
    image = load(find_scans(DATA / name, Filters()).scans[0])
    assert not image.data[~image.mask].any()
    assert (image.data[image.mask] == 0).mean() < 1e-3


def test_the_air_of_a_real_head_is_measured() -> None:
    assert load(find_scans(DATA / "human-head", Filters()).scans[0]).mask.mean() > 0.99
