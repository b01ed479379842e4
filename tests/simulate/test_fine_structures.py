import numpy as np
import pytest

from bids_denoise.simulate import fine_structures

SHAPE = (40, 44, 36)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("exponent", [1.0, 1.5, 2.0])
def test_amplitude_falls_with_the_power_of_the_frequency(exponent: float) -> None:
    field = fine_structures.power_law_field((48, 48, 48), exponent, rng())
    assert field.dtype == np.float32
    assert field.std() == pytest.approx(1, abs=1e-3)
    assert field.mean() == pytest.approx(0, abs=1e-3)
    lines = [np.fft.fftfreq(48)] * 3
    frequency = np.sqrt(sum(line**2 for line in np.ix_(*lines)))
    power = np.abs(np.fft.fftn(field)) ** 2
    bands = [(0.04, 0.08), (0.3, 0.45)]
    masks = [(frequency > low) & (frequency < high) for low, high in bands]
    fall = np.log(power[masks[0]].mean() / power[masks[1]].mean())
    ratio = np.log(frequency[masks[1]].mean() / frequency[masks[0]].mean())
    assert fall / ratio / 2 == pytest.approx(exponent, abs=0.15)


def test_vessels_are_about_a_voxel_wide() -> None:
    filled = fine_structures.vessels(SHAPE, 6, rng())
    assert filled.shape == SHAPE
    assert filled.min() == 0
    assert 0.3 < filled.max() <= 1
    inside = filled > 0.3 * filled.max()
    share = inside.mean()
    assert 0.0005 < share < 0.02
    crowded = sum(
        np.roll(inside, 2, axis) & np.roll(inside, -2, axis) & inside for axis in range(3)
    )
    assert np.mean(crowded[inside] >= 2) < 0.1


def test_sheets_are_thin() -> None:
    filled = fine_structures.sheets(SHAPE, 6.0, rng())
    assert filled.min() >= 0
    assert filled.max() <= 1
    assert 0.005 < np.mean(filled > 0.5) < 0.1


@pytest.mark.parametrize("radius", [0.5, 2.0, 6.0])
def test_lesions_have_their_size(radius: float) -> None:
    box = (2 * int(np.ceil(2 * radius)) + 3,) * 3
    blobs = [fine_structures.lesion(box, radius, rng(seed)) for seed in range(20)]
    volume = np.mean([blob.sum() for blob in blobs])
    assert 0.4 < volume / (4 / 3 * np.pi * radius**3) < 4
    assert min(blob.min() for blob in blobs) == 0
    assert max(blob.max() for blob in blobs) <= 1


def test_lesions_stay_in_tissue_and_take_their_value() -> None:
    volume = np.ones(SHAPE, dtype=np.float32)
    tissue = np.zeros(SHAPE, dtype=bool)
    tissue[:, 20:] = True
    fine_structures.add_lesions(volume, tissue, 3.0, np.array([1.0, 4.0]), rng())
    assert np.all(volume[:, :20] == 1)
    assert volume.min() >= 1
    assert 2 < volume.max() <= 3.0001
    fine_structures.add_lesions(volume, np.zeros(SHAPE, bool), 9.0, np.array([4.0]), rng())
    assert volume.max() <= 3.0001


def test_layers_lie_along_the_borders_of_labels() -> None:
    codes = np.zeros((40, 40, 40), np.int16)
    codes[:, :, 8:32] = 7
    made = [fine_structures.layers(codes, np.random.default_rng(seed)) for seed in range(9)]
    assert made[0].dtype == np.float32
    assert min(each.min() for each in made) > 0.29
    assert max(each.max() for each in made) < 2.01
    along, across = (
        np.mean([np.abs(np.diff(each[..., 9:31], axis=axis)).mean() for each in made])
        for axis in (0, 2)
    )
    assert across > 2 * along


def test_where_there_is_no_border_there_are_no_layers() -> None:
    made = fine_structures.layers(np.ones((8, 8, 8), np.int16), np.random.default_rng(0))
    np.testing.assert_array_equal(made, 1)
