"""A receive array around the head: the complex sensitivity of each coil, by Biot and Savart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ellipe, ellipkm1

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.simulate.noise import ComplexArray

    Grid = npt.NDArray[np.float64]

COILS_ON_A_RING = 8
RING_RADIUS = 1.3
LOOP_RADIUS = 0.5


def sensitivities(shape: tuple[int, int, int], coils: int = 8) -> ComplexArray:
    """Return what each of `coils` circular loops on a cylinder around the z axis receives.

    By reciprocity a coil receives the transverse field Bx - i By that a current in it would
    make (Roemer et al. 1990, doi:10.1002/mrm.1910160203). The static field is along z. The
    loops face the axis, eight on a ring; their wires are at least `RING_RADIUS` from it, clear of
    the head, where the maps are smooth. They are scaled to a root sum of squares of 1 in each
    voxel: coils that are combined with them leave an image without shading.

    Parameters
    ----------
    shape
        (x, y, z). The field of view is from -1 to 1 along each axis.
    coils
        Number of coils, at least 1.

    Returns
    -------
    numpy.ndarray
        complex64 (coil, x, y, z).

    Raises
    ------
    ValueError
        `coils` is less than 1.

    Examples
    --------
    >>> maps = sensitivities((6, 7, 5), coils=4)
    >>> maps.shape
    (4, 6, 7, 5)
    >>> bool(np.allclose((np.abs(maps) ** 2).sum(axis=0), 1, atol=1e-5))
    True
    """
    if coils < 1:
        raise ValueError(f"coils is {coils!r}; at least 1 is needed")
    lines = [np.linspace(-1 + 1 / length, 1 - 1 / length, length) for length in shape]
    x, y, z = np.meshgrid(*lines, indexing="ij", sparse=True)
    maps = np.empty((coils, *shape), dtype=np.complex64)
    for coil, (angle, height) in enumerate(_placed(coils)):
        maps[coil] = _received(x, y, z - height, angle)
    energy = sum(np.square(part) for one in maps for part in (one.real, one.imag))
    maps /= np.sqrt(energy)
    return maps


def _placed(coils: int) -> list[tuple[float, float]]:
    """Return angle and height of each coil; neighbouring rings are turned by half a coil."""
    rings = np.array_split(np.arange(coils), -(-coils // COILS_ON_A_RING))
    heights = (2 * np.arange(len(rings)) + 1) / len(rings) - 1
    return [
        (2 * np.pi * (number + 0.5 * ((ring + 1) % 2)) / len(members), float(heights[ring]))
        for ring, members in enumerate(rings)
        for number in range(len(members))
    ]


def _received(x: Grid, y: Grid, z: Grid, angle: float) -> npt.NDArray[np.complex128]:
    """Return Bx - i By of a loop at `angle` and z = 0, from its axial and radial field."""
    outwards = np.exp(-1j * angle)
    axial = x * np.cos(angle) + y * np.sin(angle) - RING_RADIUS
    sideways = y * np.cos(angle) - x * np.sin(angle)
    along, across = _loop_field(axial, np.sqrt(sideways**2 + z**2))
    # The radial unit vector has a z component too, which is not received.
    return np.asarray((along - 1j * across * sideways) * outwards)


def _loop_field(axial: Grid, radial: Grid) -> tuple[Grid, Grid]:
    """Return the axial field of a current loop, and the radial field over the distance `radial`.

    The closed form with complete elliptic integrals (Smythe 1950, Static and Dynamic
    Electricity, section 7.10), in arbitrary units.
    """
    radial = np.maximum(radial, 1e-4)
    square = axial**2 + radial**2
    near = LOOP_RADIUS**2 + square - 2 * LOOP_RADIUS * radial
    far = near + 4 * LOOP_RADIUS * radial
    first, second = ellipkm1(near / far), ellipe(1 - near / far)
    scale = 1 / (near * np.sqrt(far))
    along = scale * ((LOOP_RADIUS**2 - square) * second + near * first)
    across = scale * axial * ((LOOP_RADIUS**2 + square) * second - near * first) / radial**2
    return along, across
