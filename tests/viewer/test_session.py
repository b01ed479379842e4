"""What a page is shown: planes first, then the whole, exactly as the app makes it."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from bids_denoise import imageio
from bids_denoise.cli import main
from bids_denoise.noise import estimate
from bids_denoise.viewer.geometry import geometry_of
from bids_denoise.viewer.lanes import StoppedError
from tests.viewer.conftest import SIGMA, VOLUMES, Page, Running

if TYPE_CHECKING:
    from pathlib import Path

    from bids_denoise.values import FloatArray

T1W, BOLD = 0, 1


def planes_of(path: Path, voxel: list[int], volume: int | None = None) -> list[FloatArray]:
    """Return the planes of a file, as a page shows them."""
    data, affine = imageio.read_placed(path)
    x, y, z = voxel
    shown = data if volume is None else data[..., volume]
    return geometry_of(affine, data.shape[:3]).planes(shown, (x, y, z))


def settled(page: Page, serial: int) -> None:
    page.hear("work", serial=serial, state="done")
    page.hear("judgement", serial=serial, scope="whole")


def blended(page: Page, strength: float) -> list[FloatArray]:
    before, after = (page.layers[name][1] for name in ("before", "after"))
    pairs = zip(before, after, strict=True)
    return [old + np.float32(strength) * (new - old) for old, new in pairs]


def test_it_says_what_can_be_opened_and_set(running: Running) -> None:
    with running.page() as page:
        hello = page.hear("hello")
    assert [each["title"] for each in hello["scans"]] == ["sub-01 T1w", "sub-01 task-rest bold"]
    nlm = next(each for each in hello["denoisers"] if each["name"] == "nlm")
    radius = nlm["parameters"][0]
    assert radius["name"] == "search_radius"
    assert (radius["kind"], radius["minimum"], radius["maximum"]) == ("int", 1, 10)
    assert radius["help"]
    assert radius["unit"] == "voxels"
    assert [each["name"] for each in hello["common"]] == ["strength", "sigma_scale"]
    unet = next(each for each in hello["denoisers"] if each["name"] == "unet")
    assert unet["parameters"] == []  # a path is nothing for a page


def test_an_image_comes_with_its_facts_and_its_noise(running: Running, dataset: Path) -> None:
    with running.page() as page:
        image = page.open(T1W)
        assert image["shape"] == [40, 44, 36]
        assert image["spacing"] == [2.0, 2.5, 3.0]
        low, high = image["window"]
        assert low < high
        serial = page.show()
        page.hear("layer", name="before")
        noise = page.hear("noise")
        page.hear("layer", name="after", serial=serial)
    path = dataset / "sub-01/anat/sub-01_T1w.nii.gz"
    for found, expected in zip(
        page.layers["before"][1], planes_of(path, image["voxel"]), strict=True
    ):
        np.testing.assert_array_equal(found, expected)
    assert noise["noise"]["sigma"] == pytest.approx(SIGMA, rel=0.2)
    assert noise["noise"]["law"] == "rician"
    assert noise["noise"]["estimates"]
    assert noise["methods"][0]["name"] == "auto"
    assert "takes unet" in noise["methods"][0]["why"]
    assert "pca" not in [each["name"] for each in noise["methods"]]


@pytest.mark.parametrize(
    ("scan", "settings"),
    [
        (T1W, {"method": "auto"}),
        (T1W, {"method": "nlm", "parameters": {"search_radius": 2, "h": 0.6}}),
        (T1W, {"method": "nlm", "strength": 0.6, "sigma_scale": 1.3}),
        (T1W, {"method": "gaussian", "parameters": {"fwhm": 3.5}, "strength": 0.9}),
        (T1W, {"method": "generative", "parameters": {"result": "sample"}}),
        (BOLD, {"method": "auto", "sigma_scale": 0.8}),
        (BOLD, {"method": "mppca", "parameters": {"window": 3}, "strength": 0.5}),
        (BOLD, {"method": "nlm"}),
    ],
)
def test_what_is_shown_is_what_the_app_writes(
    running: Running, dataset: Path, tmp_path: Path, scan: int, settings: dict[str, Any]
) -> None:
    """The saved TOML makes the app write the very image that was shown."""
    volume = 5 if scan == BOLD else 0
    with running.page() as page:
        image = page.open(scan)
        serial = page.show(settings=settings, volume=volume)
        settled(page, serial)
        assert page.layers["after"][0]["state"] == "exact"
        page.say(type="config", settings=settings)
        config = page.hear("config")
    shown = blended(page, settings.get("strength", 1))
    path = tmp_path / "bids-denoise.toml"
    path.write_text(config["toml"])
    out = tmp_path / "out"
    assert main([str(dataset), str(out), "participant", "--config-file", str(path)]) == 0
    kind = ("anat", "func")[scan]
    (written,) = out.glob(f"sub-01/{kind}/*desc-denoised_{('T1w', 'bold')[scan]}.nii.gz")
    expected = planes_of(written, image["voxel"], volume if scan == BOLD else None)
    scale = np.ptp(np.concatenate([each.ravel() for each in expected]))
    for found, plane in zip(shown, expected, strict=True):
        np.testing.assert_allclose(found, plane, atol=1e-5 * scale)
    assert str(dataset) in config["command"]
    record = json.loads(next(out.glob(f"sub-01/{kind}/*_qc.json")).read_text())
    assert record["parameters"].get("strength", 1) == settings.get("strength", 1)


def test_the_judgement_is_that_of_the_app(running: Running, dataset: Path, tmp_path: Path) -> None:
    with running.page() as page:
        page.open(T1W)
        found = {}
        for strength in (1, 0.5):
            serial = page.show(settings={"method": "nlm", "strength": strength})
            found[strength] = page.hear("judgement", serial=serial, scope="whole")
    options = ("participant", "--method", "nlm", "--strength", "0.5", "-m", "T1w")
    assert main([str(dataset), str(tmp_path / "out"), *options]) == 0
    record = json.loads(next((tmp_path / "out").glob("sub-01/anat/*_qc.json")).read_text())
    residual = record["quality"]["residual"]
    assert found[0.5]["std_ratio"] == pytest.approx(residual["std_ratio"], rel=1e-6)
    assert found[0.5]["psnr"]["gain"] == pytest.approx(residual["psnr_gain"], rel=1e-6)
    assert found[1]["psnr"]["gain"] > found[0.5]["psnr"]["gain"] > 0
    histogram = found[1]["histogram"]
    widths = np.diff(histogram["edges"])
    assert np.sum(histogram["measured"] * widths) == pytest.approx(1, abs=0.01)
    assert np.sum(histogram["model"] * widths) == pytest.approx(1, abs=0.01)


def test_planes_come_before_the_whole_and_are_near_it(running: Running) -> None:
    with running.page() as page:
        page.open(T1W)
        serial = page.show("srcnn", settings={"method": "srcnn", "sigma_scale": 1.01})
        assert page.hear("layer", name="after", serial=serial)["state"] == "preview"
        preview = page.layers["after"][1]
        page.hear("judgement", serial=serial, scope="planes")
        page.hear("work", serial=serial, state="whole")
        settled(page, serial)
    assert page.layers["after"][0]["state"] == "exact"
    for rough, exact in zip(preview, page.layers["after"][1], strict=True):
        assert np.sqrt(np.mean((rough - exact) ** 2)) < 0.3 * SIGMA


def test_the_newest_request_wins(running: Running) -> None:
    """Of many, as a slider makes them, few are answered, and the last one is."""
    with running.page() as page:
        page.open(T1W)
        page.hear("noise")
        scales = np.linspace(0.5, 2, 40).round(3).tolist()
        for scale in scales:
            last = page.show(settings={"method": "nlm", "sigma_scale": scale})
        answered = 0
        while page.hear("layer", name="after")["serial"] != last:
            answered += 1
        settled(page, last)
    assert answered < len(scales) - 2
    opened = running.shelf.opened(T1W)
    assert len(opened.treatments) <= 3


def test_a_whole_volume_that_is_not_wanted_any_more_is_stopped(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = []
    run = running.shelf.wholes.run

    async def watched_run(*given: Any) -> Any:
        try:
            return await run(*given)
        except StoppedError:
            stopped.append(True)
            raise

    monkeypatch.setattr(running.shelf.wholes, "run", watched_run)
    with running.page() as page:
        page.open(T1W)
        first = page.show(settings={"method": "unet", "sigma_scale": 1.07})
        page.hear("work", serial=first, state="whole")
        second = page.show(settings={"method": "gaussian", "sigma_scale": 1.07})
        settled(page, second)
    opened = running.shelf.opened(T1W)
    unfinished = [each for each in opened.treatments.values() if each.whole is None]
    assert [each.denoiser.name for each in unfinished] == ["unet"]


def test_maps_are_shown_when_they_are_there(running: Running) -> None:
    with running.page() as page:
        page.open(T1W)
        layers = ["before", "after", "sigma", "uncertainty"]
        serial = page.show(settings={"method": "generative"}, layers=layers)
        settled(page, serial)
        assert page.layers["uncertainty"][1][0].max() > 0
        assert np.median(page.layers["sigma"][1][0]) == pytest.approx(SIGMA, rel=0.2)
        louder = {"method": "generative", "sigma_scale": 2.0}
        page.show(settings=louder, layers=layers)
        before = page.layers["sigma"][1][0]
        page.hear("layer", name="sigma", serial=page.serial)
        np.testing.assert_allclose(page.layers["sigma"][1][0], 2 * before)


def test_a_series_has_courses_and_temporal_snr(running: Running, dataset: Path) -> None:
    layers = ["before", "after", "tsnr_before", "tsnr_after"]
    with running.page() as page:
        image = page.open(BOLD)
        assert image["volumes"] == VOLUMES
        assert image["tr"] == 2.0
        assert image["tsnr"]
        page.show("pca", settings={"method": "pca"}, layers=layers, volume=3)
        curve = page.hear("curve")
        assert curve["after"] is None
        curve = page.hear("curve")
        page.hear("work", state="done")
        page.show("pca", settings={"method": "pca"}, layers=layers, volume=4)
        page.hear("work", serial=page.serial, state="done")
    data, affine = imageio.read_placed(dataset / "sub-01/func/sub-01_task-rest_bold.nii.gz")
    x, y, z = image["voxel"]
    at = geometry_of(affine, data.shape[:3]).stored((x, y, z))
    np.testing.assert_allclose(curve["before"], data[at])
    assert len(curve["after"]) == VOLUMES
    assert curve["tsnr_after"] != curve["tsnr_before"]
    assert page.layers["tsnr_after"][1][2].max() > page.layers["tsnr_before"][1][2].max()


def test_a_method_that_cannot_treat_the_image_says_so(running: Running) -> None:
    with running.page() as page:
        page.open(T1W)
        page.show("pca")
        assert "pca" in page.hear("work", state="failed")["reason"]
        page.show("nlm")
        page.hear("layer", name="after")


def test_a_fault_of_the_server_is_told_and_it_goes_on(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running.page() as page:
        page.open(T1W)
        with monkeypatch.context() as patch:
            patch.setattr("bids_denoise.viewer.opened.Opened.treatment", lambda *_: 1 / 0)
            page.show("nlm")
            assert "ZeroDivisionError" in page.hear("work", state="failed")["reason"]
        page.show("nlm")
        page.hear("layer", name="after")


def test_a_damaged_image_is_told(running: Running, dataset: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.nii.gz"
    broken.write_bytes((dataset / "sub-01/anat/sub-01_T1w.nii.gz").read_bytes()[:2000])
    library = running.shelf.library
    scan = replace(library.entries[0].scan, path=broken)
    entries = (*library.entries, replace(library.entries[0], scan=scan))
    running.shelf.library = replace(library, entries=entries)
    try:
        with running.page() as page:
            page.say(type="open", scan=2)
            assert "broken.nii.gz" in page.hear("error")["reason"]
            page.open(T1W)
    finally:
        running.shelf.library = library


def test_two_pages_do_not_disturb_each_other(running: Running) -> None:
    with running.page() as one, running.page() as other:
        one.open(T1W)
        other.open(BOLD)
        one.show("nlm")
        other.show("pca")
        one.hear("work", state="done")
        other.hear("work", state="done")
    assert one.layers["after"][0]["method"] == "nlm"
    assert other.layers["after"][0]["method"] == "pca"


def test_settings_are_for_the_images_that_the_method_is_for(running: Running) -> None:
    with running.page() as page:
        page.open(T1W)
        page.say(type="config", settings={"method": "unet", "strength": 0.5})
        config = page.hear("config")
    assert tomllib.loads(config["toml"]) == {
        "method": "unet",
        "strength": 0.5,
        "modalities": ["T1w"],
    }
    assert config["flags"] == "--method unet --strength 0.5 --modalities T1w"


def test_noise_is_that_of_the_app(running: Running, dataset: Path) -> None:
    with running.page() as page:
        page.open(BOLD)
        noise = page.hear("noise")["noise"]
    opened = running.shelf.opened(BOLD)
    expected = estimate(imageio.load(opened.entry.scan))
    assert noise["sigma"] == pytest.approx(float(np.median(expected.sigma)))
    assert dataset in opened.entry.scan.path.parents
