"""Where the brain is, by a network that was trained on heads of any contrast and species.

SynthStrip's idea (Hoopes 2022, doi:10.1016/j.neuroimage.2022.119474) in a network that looks
several times: at the whole head, and then, each time anew, at what it took for the brain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bids_denoise.kernels.pool import torch_threads
from bids_denoise.simulate.label_maps import View, partial_volume
from bids_denoise.weights import load_weights

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.networks.base import Network
    from bids_denoise.values import BoolArray, Device, FloatArray, Image

    Matrix = npt.NDArray[np.float64]

EDGE = 96
"""Points along each side of what the network sees, a cube: as in its training."""

WHOLE = 0.9
"""Share of the cube's side that the head's longest takes at the first look."""

CLOSER = (0.75, 0.8, 0.85, 0.9)
"""The same of the brain's longest side, as the look before saw it; the mean of these counts."""

BRIGHTEST = 2.0
"""Where the signal is cut, in units of that of bright tissue."""


class Grid(NamedTuple):
    """Points along the RAS axes, `spacing` mm apart: how many, and where the first is."""

    shape: tuple[int, int, int]
    spacing: float
    origin: Matrix

    @property
    def affine(self) -> Matrix:
        """Return (4, 4), index to RAS mm."""
        affine = np.diag([self.spacing] * 3 + [1.0])
        affine[:3, 3] = self.origin
        return affine

    def box_of(self, inside: BoolArray) -> tuple[Matrix, Matrix]:
        """Return the lowest and the highest RAS mm that is `inside` (x, y, z)."""
        where = np.argwhere(inside)
        low, high = where.min(axis=0) - 0.5, where.max(axis=0) + 0.5
        return self.origin + self.spacing * low, self.origin + self.spacing * high


class Answer(NamedTuple):
    """What the network says: log odds of brain float32 (x, y, z) on `grid`.

    `agreement` is the least Dice overlap, 0 to 1, of a look with the mean of all.
    """

    odds: FloatArray
    grid: Grid
    agreement: float = 1.0

    @property
    def certainty(self) -> float:
        """Return the Dice overlap, 0 to 1, that the network itself expects of its mask."""
        chance = 1 / (1 + np.exp(-self.odds.astype(np.float64)))
        inside = self.odds > 0
        total = float(chance.sum() + inside.sum())
        return 2 * float(chance[inside].sum()) / total if inside.any() else 0.0


def ask_network(image: Image, head: tuple[Matrix, Matrix], device: Device) -> Answer:
    """Return where the network sees a brain in the `head`, a box in RAS mm.

    It looks at the image as the affine places it, and in a mirror: the mean counts, and that of
    the closer looks.
    """
    network = load_weights("brain_mask").network
    answers = [_look(network, image, _cube(head, WHOLE), device)]
    for share in CLOSER:
        inside = largest(answers[-1].odds > 0)
        if not inside.any():
            return answers[-1]
        cube = _cube(answers[-1].grid.box_of(inside), share)
        answers.append(_look(network, image, cube, device))
    looks = [_interpolated(each, cube.affine, cube.shape) for each in answers[1:]]
    odds = np.mean(looks, axis=0)
    return Answer(odds, cube, min(overlap(each > 0, odds > 0) for each in looks))


def on_image(answer: Answer, image: Image) -> FloatArray:
    """Return the log odds on the grid of `image`, (x, y, z), linear between the points."""
    return _interpolated(answer, image.affine, image.mask.shape)


def _interpolated(answer: Answer, affine: Matrix, shape: tuple[int, ...]) -> FloatArray:
    from scipy.ndimage import affine_transform

    index = np.linalg.inv(answer.grid.affine) @ affine
    beyond = min(float(answer.odds.min()), -1.0)
    odds = affine_transform(answer.odds, index, output_shape=shape, order=1, cval=beyond)
    return np.asarray(odds, dtype=np.float32)


def seen_on(grid: Grid, data: FloatArray, affine: Matrix, beyond: float) -> FloatArray:
    """Return `data` (x, y, z) as averaged about the points of `grid`, `beyond` outside of it."""
    to_index = np.linalg.inv(affine) @ grid.affine
    lines = [
        (start + grid.spacing * np.arange(length)).astype(np.float32)
        for start, length in zip(grid.origin, grid.shape, strict=True)
    ]
    inverse = np.linalg.inv(affine)
    x, y, z = np.meshgrid(*lines, indexing="ij", sparse=True)
    points = [row[0] * x + row[1] * y + row[2] * z + row[3] for row in inverse[:3]]
    return partial_volume(data, View(np.stack(points, dtype=np.float32), to_index[:3, :3]), beyond)


def normalised(volume: FloatArray) -> FloatArray:
    """Return `volume` (x, y, z) as the network takes it: dark air 0, what is brightest 1."""
    low, high = np.percentile(volume, (1, 99.5)).astype(np.float32)
    unit = max(high - low, np.float32(1e-30))
    return np.asarray(np.clip((volume - low) / unit, 0, BRIGHTEST), dtype=np.float32)


def largest(inside: BoolArray) -> BoolArray:
    """Return the largest connected part of `inside` (x, y, z)."""
    from scipy.ndimage import label

    parts, count = label(inside)
    return inside if count < 2 else np.asarray(parts == 1 + np.argmax(np.bincount(parts.flat)[1:]))


def overlap(one: BoolArray, other: BoolArray) -> float:
    """Return the Dice overlap of two masks, 0 to 1."""
    total = int(np.count_nonzero(one)) + int(np.count_nonzero(other))
    return 2 * int(np.count_nonzero(one & other)) / max(total, 1)


def grid_over(low: Matrix, high: Matrix, spacing: float) -> Grid:
    """Return a grid over a box in RAS mm."""
    x, y, z = (max(int(np.ceil(side / spacing)), 1) for side in high - low)
    origin = (low + high) / 2 - spacing * (np.array([x, y, z]) - 1) / 2
    return Grid((x, y, z), spacing, origin)


def _cube(box: tuple[Matrix, Matrix], share: float) -> Grid:
    """Return a cube of `EDGE` points about a `box` in RAS mm, whose longest side is a `share`."""
    low, high = box
    spacing = float((high - low).max()) / share / EDGE
    return Grid((EDGE,) * 3, spacing, (low + high) / 2 - spacing * (EDGE - 1) / 2)


def _look(network: Network, image: Image, grid: Grid, device: Device) -> Answer:
    """Return what the network says of the `image` on `grid`."""
    import torch

    volume = normalised(seen_on(grid, image.data, image.affine, float(image.data.min())))
    network.to(device.torch_name)
    with torch.inference_mode(), torch_threads(device.threads):
        given = torch.from_numpy(volume)[None, None].to(device.torch_name)
        odds = (network(given) + network(given.flip(2)).flip(2)) / 2
    return Answer(np.ascontiguousarray(odds.float().cpu().numpy()[0, 0]), grid)
