"""What was scanned more than once: the truth is known, and so is what a repeat is worth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from bids_denoise.imageio import checksum, write_new
from tests.group import factory
from tests.report.html import Page

if TYPE_CHECKING:
    from pathlib import Path

    from bids_denoise.derivatives.names import Layout
    from bids_denoise.values import FloatArray

SHAPE = (30, 34, 28)
AFFINE = np.diag([3.0, 3.0, 3.0, 1.0])
WORTH = 1 / factory.LEFT**2
GAIN = 10 * np.log10(WORTH)


def head() -> FloatArray:
    """A bright ball with coarse structure, in air."""
    rng = np.random.default_rng(7)
    axes = np.meshgrid(*(np.linspace(-1, 1, length) for length in SHAPE), indexing="ij")
    inside = sum(axis**2 for axis in axes) < 0.7
    coarse = gaussian_filter(rng.normal(size=SHAPE), 3)
    return np.where(inside, 600 + 200 * coarse / coarse.std(), 0).astype(np.float32)


def add_repeats(layout: Layout, count: int, maps: tuple[str, ...]) -> list[str]:
    sources = [f"sub-01/anat/sub-01_run-{number}_T1w.nii.gz" for number in range(1, count + 1)]
    for number, source in enumerate(sources):
        factory.add_image(layout, source, number, head(), maps, AFFINE)
    return sources


def row_of(layout: Layout) -> dict[str, str]:
    (row,) = factory.rows_at(layout.qc / "group" / "repeats" / "images.tsv")
    return row


def text_of(layout: Layout) -> str:
    return Page((layout.qc / "group.html").read_text()).text


@pytest.mark.parametrize("count", [2, 4])
def test_repeats_are_worth_what_they_are(tmp_path: Path, count: int) -> None:
    layout = factory.layout_at(tmp_path / "out")
    add_repeats(layout, count, ("residual", "sigma"))
    assert factory.group(layout.images) == 0
    row = row_of(layout)
    assert (row["image"], row["repeats"]) == ("sub-01_T1w", str(count))
    assert float(row["averages"]) == pytest.approx(WORTH, rel=0.25)
    assert float(row["averages_low"]) < float(row["averages"]) < float(row["averages_high"])
    gain = float(row["psnr_denoised"]) - float(row["psnr_original"])
    assert gain == pytest.approx(GAIN, abs=1)
    assert float(row["noise"]) == pytest.approx(factory.SIGMA**2, rel=0.15)
    text = text_of(layout)
    assert f"worth the mean of {float(row['averages']):.1f} originals ({gain:+.1f} dB" in text
    assert (layout.qc / "group" / "repeats" / "psnr.svg").is_file()


def test_originals_come_from_the_input_where_no_residual_is(tmp_path: Path) -> None:
    layout, bids = factory.layout_at(tmp_path / "out"), tmp_path / "bids"
    for number, source in enumerate(add_repeats(layout, 3, ("sigma",))):
        path = bids / source
        path.parent.mkdir(parents=True, exist_ok=True)
        write_new(path, factory.noisy(head(), number)[0], AFFINE)
        provenance = {"checksum": checksum(path), "fingerprint": "f"}
        factory.add_image(
            layout, source, number, head(), ("sigma",), AFFINE, provenance=provenance
        )
    assert factory.group(layout.images, bids=bids) == 0
    assert float(row_of(layout)["averages"]) == pytest.approx(WORTH, rel=0.25)


@pytest.mark.parametrize(
    ("count", "maps", "told"),
    [
        (3, ("sigma",), "--write-residual, or give BIDS_DIR"),
        (2, ("residual",), "--write-noise-map"),
    ],
)
def test_what_is_wanting_is_told_by_name(
    tmp_path: Path, count: int, maps: tuple[str, ...], told: str
) -> None:
    layout = factory.layout_at(tmp_path / "out")
    add_repeats(layout, count, maps)
    assert factory.group(layout.images) == 0
    assert row_of(layout)["reason"].count("sub-01_run-1_T1w.nii.gz is needed") == 1
    assert told in text_of(layout)
    assert "The repeats could not be compared" in text_of(layout)


def test_volumes_and_tissues_of_sessions(tmp_path: Path) -> None:
    layout = factory.layout_at(tmp_path / "out")
    for person in range(4):
        for session in ("a", "b"):
            source = f"sub-{person}/ses-{session}/anat/sub-{person}_ses-{session}_T1w.nii.gz"
            seed = 10 * person + ord(session)
            factory.add_anatomy(layout, source, seed, 0.2 * person, maps=("residual", "sigma"))
    assert factory.group(layout.images) == 0
    rows = {
        row["volume"]: row for row in factory.rows_at(layout.qc / "group/repeats/volumes.tsv")
    }
    assert len(rows) == 6
    grey = rows["T1w, denoised GM"]
    assert 0.5 < float(grey["icc_agreement"]) <= 1
    images = factory.rows_at(layout.qc / "group/repeats/images.tsv")
    assert [row["image"] for row in images] == [f"sub-{person}_T1w" for person in range(4)]
    for row in images:
        assert float(row["dice_GM_denoised"]) > float(row["dice_GM_original"])
        assert float(row["dice_GM_denoised"]) > float(row["jaccard_GM_denoised"])
    text = text_of(layout)
    assert "Volumes of repeats vary by" in text
    assert f"{float(grey['variation']):.2f}" in text


def test_another_acquisition_is_no_repeat(tmp_path: Path) -> None:
    layout = factory.layout_at(tmp_path / "out")
    for person in range(3):
        for kind in ("acq-a", "acq-b"):
            factory.add_anatomy(layout, f"sub-{person}/anat/sub-{person}_{kind}_T1w.nii.gz", person)
    assert factory.group(layout.images) == 0
    assert not (layout.qc / "group" / "repeats").exists()


class TestConnectomes:
    def layout(self, folder: Path, tasks: tuple[str, ...] = ("rest",), **changes: str) -> Layout:
        layout = factory.layout_at(folder)
        for person in range(5):
            for run in range(2):
                task = tasks[run % len(tasks)]
                name = f"sub-{person}_task-{task}_run-{run}_bold.nii.gz"
                seed = 10 * person + run
                factory.add_run(layout, f"sub-{person}/func/{name}", seed, person, **changes)
        return layout

    def test_repeats_agree_better_after(self, tmp_path: Path) -> None:
        layout = self.layout(tmp_path / "out")
        assert factory.group(layout.images) == 0
        rows = {
            row["image"]: row
            for row in factory.rows_at(layout.qc / "group/repeats/connectomes.tsv")
        }
        assert list(rows) == ["original", "smoothed", "denoised"]
        icc = [float(row["icc"]) for row in rows.values()]
        assert icc == sorted(icc)
        change = float(rows["denoised"]["change_icc"])
        assert change == pytest.approx(icc[2] - icc[0], abs=1e-5)
        told = f"ICC of connectome edges, task-rest_bold: {icc[0]:.2f} ["
        assert told in text_of(layout)

    def test_of_each_brain_alone_they_are_not_compared(self, tmp_path: Path) -> None:
        layout = self.layout(tmp_path / "out", parcels="100 geometric parcels of the brain")
        assert factory.group(layout.images) == 0
        assert not (layout.qc / "group/repeats/connectomes.tsv").exists()
        assert "their parcels are not the same in all; give --atlas" in text_of(layout)

    def test_another_task_is_no_repeat(self, tmp_path: Path) -> None:
        layout = self.layout(tmp_path / "out", tasks=("rest", "nback"))
        assert factory.group(layout.images) == 0
        assert not (layout.qc / "group" / "repeats").exists()
