"""One image: which method it gets, and for how much noise."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from bids_denoise.cli import main
from bids_denoise.imageio import read
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
    assert "weights" in records[0]["parameters"]
    assert "search_radius" in records[1]["parameters"]
    assert records[0]["choices"]["model_card"] == "unet.json"


class TestKnownNoise:
    """A map, or a scan without excitation, takes the place of the estimate."""

    SHAPE = (20, 22, 12)

    def bold(self, folder: Path) -> Path:
        rng = np.random.default_rng(0)
        head = head_phantom(self.SHAPE)[..., np.newaxis] * (1 + 0.05 * rng.random(12))
        noisy = add_rician(np.asarray(head, dtype=np.float32), 10.0, rng)
        data = make_dataset(folder)
        add_image(data, "sub-01/func/sub-01_task-rest_bold.nii.gz", noisy)
        return data

    def record(self, data: Path, out: Path, *options: str) -> dict[str, Any]:
        assert main([str(data), str(out), "participant", "--method", "pca", *options]) == 0
        (path,) = out.glob("sub-01/func/*_qc.json")
        found: dict[str, Any] = json.loads(path.read_text())
        return found

    def test_noise_that_was_measured_is_used(self, tmp_path: Path) -> None:
        data = self.bold(tmp_path / "raw")
        silent = np.zeros((*self.SHAPE, 4), np.float32)
        noise = add_rician(silent, 10.0, np.random.default_rng(1))
        add_image(data, "sub-01/func/sub-01_task-rest_noRF.nii.gz", noise)
        record = self.record(data, tmp_path / "out")
        assert record["noise"]["method"] == "given"
        assert record["noise"]["sigma_median"] == pytest.approx(10, rel=0.05)
        assert "without excitation" in record["remarks"][0]

    def test_the_map_of_one_run_serves_the_next(self, tmp_path: Path) -> None:
        data = self.bold(tmp_path / "raw")
        first = self.record(data, tmp_path / "one", "--write-noise-map")
        assert first["noise"]["method"] == "Marchenko-Pastur"
        options = ("--derivatives", f"noise={tmp_path / 'one'}")
        second = self.record(data, tmp_path / "two", *options)
        assert second["noise"]["method"] == "given"
        assert second["noise"]["sigma_median"] == pytest.approx(first["noise"]["sigma_median"])
        assert first["provenance"]["fingerprint"] != second["provenance"]["fingerprint"]

    @pytest.mark.parametrize(
        ("sigma", "told"),
        [(np.full(SHAPE, -1), "negative"), (np.full((5, 5, 5), 3), "not on the grid")],
        ids=["negative", "grid"],
    )
    def test_a_map_that_cannot_be_is_not_used(
        self, sigma: Any, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        data, other = self.bold(tmp_path / "raw"), tmp_path / "other"
        make_dataset(other, derivative=True)
        name = "sub-01/func/sub-01_task-rest_stat-std_desc-noise_boldmap.nii.gz"
        add_image(other, name, sigma.astype(np.float32))
        options = ["--method", "pca", "--derivatives", f"noise={other}"]
        code = main([str(data), str(tmp_path / "out"), "participant", *options])
        (path,) = (tmp_path / "out").glob("sub-01/func/*_qc.json")
        record = json.loads(path.read_text())
        assert told in f"{record['reason']} {record['remarks']}"
        assert (code == 0) == (record["status"] == "ok") == (told != "negative")
        capsys.readouterr()


def test_strength_and_scale_decide_the_result_and_are_told(tmp_path: Path) -> None:
    """They are for all methods, are recorded, and make another result than without them."""
    data = make_dataset(tmp_path / "raw", "sub-01/anat/sub-01_T1w.nii.gz")
    out = tmp_path / "out"
    command = [str(data), str(out), "participant", "--method", "gaussian"]
    images, statuses = [], []
    for options in ([], ["--strength", "0.5"], ["--strength", "0"], ["--sigma-scale", "2"]):
        assert main([*command, *options]) == 0
        (image,) = out.glob("sub-01/anat/*_desc-denoised_T1w.nii.gz")
        images.append(read(image))
        with (out / "logs" / "status.tsv").open() as file:
            statuses += [row["status"] for row in csv.DictReader(file, delimiter="\t")]
    assert statuses == ["ok"] * 4
    source = read(data / "sub-01/anat/sub-01_T1w.nii.gz")
    whole, half, none, louder = images
    np.testing.assert_array_equal(none, source)
    np.testing.assert_allclose(half, (source + whole) / 2, atol=1e-3)
    assert abs(louder - source).mean() > 1.1 * abs(whole - source).mean()
    record = json.loads(next(out.glob("sub-01/anat/*_qc.json")).read_text())
    assert record["parameters"]["sigma_scale"] == 2
    assert any("multiplied by 2" in each for each in record["remarks"])
    assert "sigma scale 2" in (out / "logs" / "CITATION.md").read_text()
