import json
from pathlib import Path

import numpy as np
import pytest

from bids_denoise.derivatives.names import Layout, outputs_of
from bids_denoise.derivatives.publish import (
    Results,
    Target,
    check_result,
    is_skull_stripped,
    publish_results,
)
from bids_denoise.derivatives.store import Store
from bids_denoise.errors import DenoiserError
from bids_denoise.values import Denoised, Image, Noise, Record, Scan, Settings
from tests.bids_factory import make_dataset, scan_at

DWI = "sub-01/dwi/sub-01_dwi.nii.gz"
SHAPE = (12, 13, 14, 13)
PROVENANCE = dict.fromkeys(("device", "seed", "checksum", "fingerprint", "versions"), "x")


def image_of(data: object) -> Image:
    voxels = np.asarray(data, dtype=np.float32)
    return Image(voxels, np.eye(4), np.ones(voxels.shape[:3], dtype=np.bool_))


def published(
    tmp_path: Path, scale: float = 1.0, residual: bool = False
) -> tuple[Path, Scan, Record]:
    raw, out = make_dataset(tmp_path / "raw", DWI), tmp_path / "out"
    scan, layout = scan_at(raw, DWI), Layout(out, out, rawlike=False)
    image = image_of(np.random.default_rng(0).normal(100, 5, SHAPE))
    noise = Noise(np.full(SHAPE[:3], 5, np.float32), "gaussian", "known")
    results = Results(image, Denoised(scale * image.data), noise, {})
    target = Target(
        scan, outputs_of(scan, layout), layout, Settings(raw, out, (), write_residual=residual)
    )
    record = Record(DWI, "01", None, "dwi", "dwi", "ok", method="mppca", provenance=PROVENANCE)
    with Store(out) as store:
        return out, scan, publish_results(store, target, results, record)


def test_an_image_comes_with_gradients_map_and_record(tmp_path: Path) -> None:
    out, scan, record = published(tmp_path)
    folder = out / "sub-01" / "dwi"
    assert scan.bval is not None
    assert (folder / "sub-01_desc-denoised_dwi.bval").read_bytes() == scan.bval.read_bytes()
    assert record.maps == {"sigma": "sub-01/dwi/sub-01_stat-std_desc-noise_dwimap.nii.gz"}
    assert json.loads((folder / "sub-01_desc-denoisedDwi_qc.json").read_text())["status"] == "ok"
    sidecar = json.loads((folder / "sub-01_desc-denoised_dwi.json").read_text())
    assert sidecar["Sources"] == ["bids:input:sub-01/dwi/sub-01_dwi.nii.gz"]
    assert sidecar["Denoising"]["Method"] == "mppca"


def test_a_residual_is_asked_for_and_has_gradients_too(tmp_path: Path) -> None:
    out, _, record = published(tmp_path, scale=0.9, residual=True)
    assert set(record.maps) == {"sigma", "residual"}
    assert (out / "sub-01/dwi/sub-01_desc-residual_dwi.bvec").is_file()


def test_a_result_that_cannot_be_believed_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(DenoiserError, match="power"):
        published(tmp_path, scale=1.5)
    assert not list((tmp_path / "out").rglob("sub-*"))


@pytest.mark.parametrize(
    ("result", "sentence"),
    [
        (np.zeros((4, 4, 4)), "power"),
        (np.full((4, 4, 4), np.nan), "not finite"),
        (np.ones((4, 4, 3)), "shape"),
    ],
)
def test_empty_broken_or_misshapen_results_are_refused(result: object, sentence: str) -> None:
    data = np.asarray(result, dtype=np.float32)
    with pytest.raises(DenoiserError, match=sentence):
        check_result(image_of(np.ones((4, 4, 4))), Denoised(data))


def test_a_brain_in_constant_air_counts_as_stripped() -> None:
    head = np.zeros((10, 10, 10), dtype=np.bool_)
    head[2:8, 2:8, :8] = True
    brain = head.copy()
    brain[:, :, :2] = False
    scan = Scan(Path(), Path(), "anat", "T1w", {"sub": "1"})
    data = np.ones((10, 10, 10), np.float32)
    assert is_skull_stripped(scan, Image(data, np.eye(4), brain))
    assert not is_skull_stripped(scan, Image(data, np.eye(4), head))
    assert not is_skull_stripped(scan, Image(data, np.eye(4), np.ones_like(head)))
    told = Scan(Path(), Path(), "anat", "T1w", {"sub": "1"}, {"SkullStripped": True})
    assert is_skull_stripped(told, Image(data, np.eye(4), head))
