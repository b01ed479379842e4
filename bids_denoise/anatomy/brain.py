"""The brain mask of any head: any contrast, species, orientation and resolution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from bids_denoise.anatomy import brain_network
from bids_denoise.anatomy.brain_classical import brain_by_morphology
from bids_denoise.anatomy.brain_network import Grid, ask_network, largest, seen_on
from bids_denoise.errors import ScanError
from bids_denoise.intensity import foreground

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.anatomy.brain_network import Answer
    from bids_denoise.values import BoolArray, Device, Image

    Matrix = npt.NDArray[np.float64]
    Source = Literal["extracted", "network", "classical"]

AIR_ALL_AROUND = 0.1
"""Largest share of a face of the image that is measured where all around the air was removed."""

ONLY_BRAIN = 0.45
"""Share of what was measured that the network has to take for brain, if it is to be all brain."""

SMALLEST = 0.03
"""Least share of the head that a brain fills; all, where a dark skull parts the rest off."""

CERTAIN = 0.75
CONNECTED = 0.8
"""Least overlap that the network expects of its mask, and least share of the largest part."""

AGREED = 0.85
"""Least overlap of a look of the network with the mean of all: below it masks are poor at times."""

ALIKE = 0.15
"""Least correlation of a voxel with the next: below it an image is noise alone."""

CUT = 4
"""Faces of the image that a brain may be cut by: a slab cuts it twice."""

WORKING = 56
"""Points along the longest side of the head, for the classical method."""


@dataclass(frozen=True)
class Brain:
    """Where the brain is.

    Attributes
    ----------
    mask
        bool (x, y, z): one connected part without holes; ventricles and sulci belong to it.
    source
        ``extracted``: the image holds only the brain; ``network``; or ``classical``: the network
        gave nothing that could be believed, and thresholds and morphology were taken.
    remarks
        Plain sentences, for the record and the pages.
    """

    mask: BoolArray
    source: Source
    remarks: tuple[str, ...] = ()


def find_brain(image: Image, device: Device, method: Source | Literal["auto"] = "auto") -> Brain:
    """Return the brain of an image.

    Parameters
    ----------
    image
        3D, of a whole head or of a brain that was extracted, in any contrast.
    device
        Where the network runs.
    method
        ``auto``, or one way alone: what it finds is returned however unlikely it looks.

    Raises
    ------
    ScanError
        There is nothing in the image that could be a brain: what each way found is said.
    """
    if image.data.ndim != 3:
        raise ScanError(f"a brain is looked for in 3D images; this one is {image.data.shape}")
    if not image.mask.any() or np.ptp(image.data[image.mask]) == 0:
        raise ScanError("no brain can be found in an image without any contrast")
    if method == "extracted":
        return Brain(_solid(image.mask), "extracted")
    if _likeness(image) < ALIKE:
        raise ScanError("no brain can be found: neighbouring voxels have nothing in common")
    head = foreground(image.data, image.mask)
    if method == "classical":
        return _classical(image, head, ())
    answer = ask_network(image, _box(image, head), device)
    mask = _solid(brain_network.on_image(answer, image) > 0)
    if method == "network":
        return Brain(mask, "network")
    if _only_brain(image, mask):
        return Brain(_solid(image.mask), "extracted")
    doubts = _doubts(mask, head, answer)
    return _classical(image, head, doubts) if doubts else Brain(mask, "network", _remarks(answer))


def _only_brain(image: Image, brain: BoolArray) -> bool:
    """Say whether an image holds only the brain: no air was measured, and most of it is brain."""
    measured = image.mask
    if max(float(face.mean()) for face in _faces(measured)) > AIR_ALL_AROUND:
        return False
    return bool(np.count_nonzero(brain & measured) > ONLY_BRAIN * np.count_nonzero(measured))


def _likeness(image: Image) -> float:
    """Return the correlation of measured voxels with the next, the largest over the axes."""
    found = [0.0]
    for axis in range(3):
        ends = (slice(None, -1), slice(1, None))
        one, other = (tuple(end if a == axis else slice(None) for a in range(3)) for end in ends)
        both = image.mask[one] & image.mask[other]
        pair = image.data[one][both], image.data[other][both]
        if all(len(each) > 1 and np.ptp(each) > 0 for each in pair):
            found.append(float(np.corrcoef(*pair)[0, 1]))
    return max(found)


def _doubts(brain: BoolArray, head: BoolArray, answer: Answer) -> tuple[str, ...]:
    """Return why the network's mask cannot be believed: nothing if it can."""
    if not brain.any():
        return ("The network found no brain.",)
    doubts = []
    share = np.count_nonzero(brain) / max(int(head.sum()), 1)
    if share < SMALLEST:
        doubts.append(f"The network's brain fills {100 * share:.0f} % of the head.")
    inside = answer.odds > 0
    whole = np.count_nonzero(largest(inside)) / max(int(inside.sum()), 1)
    if whole < CONNECTED:
        doubts.append(f"Only {100 * whole:.0f} % of the network's brain hang together.")
    if answer.certainty < CERTAIN:
        doubts.append(f"The network expects an overlap of {answer.certainty:.2f} only.")
    cut = sum(bool(face.any()) for face in _faces(brain))
    if cut > CUT:
        doubts.append(f"The network's brain is cut by {cut} of the 6 faces of the image.")
    return tuple(doubts)


def _remarks(answer: Answer) -> tuple[str, ...]:
    if answer.agreement >= AGREED:
        return ()
    said = f"The network's looks at the brain overlap by {answer.agreement:.2f} only"
    return (f"{said}: look at the brain mask.",)


def _faces(inside: BoolArray) -> list[BoolArray]:
    return [np.take(inside, side, axis) for axis in range(3) for side in (0, -1)]


def _classical(image: Image, head: BoolArray, doubts: tuple[str, ...]) -> Brain:
    """Return the brain by thresholds and morphology, and `doubts`, why it was taken."""
    low, high = _box(image, head)
    grid = brain_network.grid_over(low, high, float((high - low).max()) / WORKING)
    beyond = float(image.data.min())
    volume = seen_on(grid, image.data, image.affine, beyond)
    inside = seen_on(grid, head.astype(np.float32), image.affine, 0.0) > 0.5
    found = brain_by_morphology(volume, inside) if inside.any() else None
    if found is None:
        raise ScanError(
            " ".join(
                (
                    "no brain was found.",
                    *doubts,
                    "By thresholds and morphology no region is compact and deep enough either. "
                    "Is this a head, or an extracted brain, all of it in the field of view?",
                )
            )
        )
    mask = _solid(brain_network.on_image(_as_answer(found, grid), image) > 0)
    said = "The brain mask is by thresholds and morphology, not by the network: look at it."
    return Brain(mask, "classical", (*doubts, said) if doubts else ())


def _as_answer(mask: BoolArray, grid: Grid) -> Answer:
    from scipy.ndimage import gaussian_filter

    return brain_network.Answer(gaussian_filter(mask.astype(np.float32), 1.0) - 0.5, grid)


def _box(image: Image, head: BoolArray) -> tuple[Matrix, Matrix]:
    """Return the lowest and the highest RAS mm of the head."""
    where = np.argwhere(head if head.any() else image.mask)
    low, high = where.min(axis=0) - 0.5, where.max(axis=0) + 0.5
    corners = np.array(
        [[(low, high)[bit][axis] for axis, bit in enumerate(bits)] for bits in np.ndindex(2, 2, 2)]
    )
    placed = corners @ image.affine[:3, :3].T + image.affine[:3, 3]
    return placed.min(axis=0), placed.max(axis=0)


def _solid(inside: BoolArray) -> BoolArray:
    """Return the largest connected part of `inside` (x, y, z), its holes filled."""
    from scipy.ndimage import find_objects, label

    boxes = find_objects(inside.astype(np.uint8))
    if not boxes:
        return inside
    solid = np.zeros_like(inside)
    # Air of one voxel around the box hangs together; what does not hang on it is a hole.
    part = np.pad(largest(inside[boxes[0]]), 1)
    air, _ = label(~part)
    solid[boxes[0]] = (air != air[0, 0, 0])[1:-1, 1:-1, 1:-1]
    return solid
