"""A recipe: everything that a weight file is made from, as one TOML file says it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from bids_denoise.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Volumes:
    """What the noise-free volumes are made of. Paths are patterns below the data folder.

    Attributes
    ----------
    synthetic
        How many volumes of random contrast and resolution are drawn from the label maps.
    heads
        How many whole heads of usual resolution and random contrast are drawn from them.
    labels
        Label maps.
    scans
        Real scans; each is cleaned, and brought to finer and coarser grids.
    held_out
        Real scans that are never trained on, though a pattern of `scans` fits them.
    share
        Part of the patches that comes from synthetic volumes, the rest from scans.
    edge
        Edge of a synthetic volume in voxels.
    """

    synthetic: int = 64
    heads: int = 0
    labels: tuple[str, ...] = ()
    scans: tuple[str, ...] = ()
    held_out: tuple[str, ...] = ()
    share: float = 0.5
    edge: int = 96


@dataclass(frozen=True)
class NoiseRange:
    """The noise that is added. Levels are in units of the volume's 99th percentile.

    Attributes
    ----------
    lowest, highest
        Sigma is drawn between them, evenly in its logarithm.
    rician
        Share of patches with Rician noise, the rest is Gaussian.
    uneven
        Share of patches whose sigma varies over the patch, as that of parallel imaging.
    misjudged
        Standard deviation of the logarithm of what the network is told sigma is, over what it is:
        no estimate is exact.
    extracted
        Share of patches in which air is set to 0 afterwards, as in brain-extracted scans.
    """

    lowest: float = 0.004
    highest: float = 0.25
    rician: float = 0.5
    uneven: float = 0.3
    misjudged: float = 0.0
    extracted: float = 0.3


@dataclass(frozen=True)
class Pairing:
    """Scans that belong together: the patterns are matched in the order of the sorted paths.

    Attributes
    ----------
    noisy, target
        Patterns below the data folder, such as ``sub-*/anat/*_run-1_T1w.nii.gz``.
    repeats
        Whether the targets are as noisy, such as another run: they are then used both ways.
    """

    noisy: str
    target: str
    repeats: bool = False


@dataclass(frozen=True)
class Runs:
    """What the BOLD runs are that a network for series is trained on, in place of volumes.

    Attributes
    ----------
    scans
        Real runs, patterns below the data folder, of which the `first` volumes are used.
    share
        Part of the blocks that comes from real runs, the rest is simulated.
    voxel
        Edge of a simulated voxel in mm, from and to, evenly in its logarithm.
    edges, slices, volumes
        Voxels in plane, slices and volumes, from and to.
    repetition
        Ranges of the repetition time in seconds.
    snr
        The brain's median signal over sigma, from and to, evenly in its logarithm.
    patch
        Edges of a patch (x, y, z) and its volumes.
    """

    scans: tuple[str, ...] = ()
    first: int = 100
    share: float = 0.2
    voxel: tuple[float, float] = (1.8, 4.0)
    edges: tuple[int, int] = (28, 44)
    slices: tuple[int, int] = (20, 28)
    volumes: tuple[int, int] = (60, 160)
    repetition: tuple[tuple[float, float], ...] = ((0.7, 1.5), (2.0, 3.0))
    snr: tuple[float, float] = (12.0, 200.0)
    patch: tuple[int, int, int, int] = (24, 24, 20, 20)


@dataclass(frozen=True)
class Heads:
    """What the heads are that a network for brain masks is trained on, in place of volumes.

    Attributes
    ----------
    labels, brains
        Label maps, and T1w scans whose brain was extracted, patterns below the data folder.
    held_out
        Those that are never trained on.
    rodents
        How many are drawn by formula.
    share
        The longest axis of the brain over the edge of a view, from and to.
    weighted
        How often the contrast is that of a scanner's sequence; it is any contrast else.
    scanned
        How often a brain that was extracted has its own signals, or those in another scale of grey.
    bend
        Largest standard deviation of the slope of what bends a human head.
    animals, stretch
        How often a brain is stretched and bent as no human one is, and by how much at most.
    shells
        How often a human brain is in a skull and scalp of other shape than the label map's.
    bare
        How often there is nothing around a brain where those would be.
    shading, noise
        Largest standard deviation of the logarithm of the bias field, and of the noise over
        the brain's bright tissue.
    thick, extracted, cut
        How often slices are thick, the brain is extracted, and the field of view is small.
    """

    labels: tuple[str, ...] = ()
    brains: tuple[str, ...] = ()
    held_out: tuple[str, ...] = ()
    rodents: int = 0
    share: tuple[float, float] = (0.35, 0.95)
    weighted: float = 0.6
    scanned: float = 0.5
    bend: float = 0.15
    animals: float = 0.3
    stretch: float = 1.7
    shells: float = 0.3
    bare: float = 0.0
    shading: float = 0.4
    noise: float = 0.15
    thick: float = 0.3
    extracted: float = 0.08
    cut: float = 0.3


@dataclass(frozen=True)
class Recipe:
    """How one network is trained.

    Attributes
    ----------
    network, sizes
        Which network, and what its class takes.
    steps, batch, patch
        Gradient steps, patches in each, edge of a patch in voxels.
    region, reuse, pool
        Edge of the larger cubes that patches are cut from once the noise is on them and the
        pilot has run; how many steps there are to a block of `batch` cubes; and from how many
        blocks, the newest, a step takes its patches.
    learning_rate
        The highest; it rises over the first steps and falls as a cosine.
    average
        Decay of the running mean of the weights, which is what is shipped.
    samples
        Draws for each patch, for a network that draws (energy score); 1 for the squared error.
    start
        Weights to begin from, and whose sizes are taken: the network's name for those that are
        shipped, or a weight file relative to the folder of the training.
    start_kept
        Share of the weights that it began from in those that are written, 0 to 1: what is learned
        anew, and what was known before (Wortsman 2022, doi:10.1109/CVPR52688.2022.00780).
    pairs
        Pairs of scans in place of `volumes` and `noise`, as ``[[pairs]]``: fine-tuning.
    runs
        What series a network for them is trained on, in place of `volumes` and `noise`.
    heads
        What a network for brain masks is trained on, in place of `volumes` and `noise`.
    sources
        What the volumes are and under which licence, for the model card.
    limits
        What the network is known not to do well, for the model card.
    """

    network: str
    sizes: Mapping[str, Any] = field(default_factory=dict)
    steps: int = 4000
    batch: int = 4
    patch: int = 48
    region: int = 64
    reuse: int = 4
    pool: int = 8
    learning_rate: float = 1e-3
    average: float = 0.998
    seed: int = 0
    samples: int = 1
    start: str = ""
    start_kept: float = 0.0
    pairs: tuple[Pairing, ...] = ()
    sources: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    volumes: Volumes = Volumes()
    noise: NoiseRange = NoiseRange()
    runs: Runs | None = None
    heads: Heads | None = None


def read_recipe(path: Path) -> Recipe:
    """Read a recipe.

    Raises
    ------
    UsageError
        The file is not TOML, or has a key that no recipe has.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, OSError) as error:
        raise UsageError(f"recipe {str(path)!r} cannot be read: {error}") from error
    volumes = _make(Volumes, values.pop("volumes", {}), path)
    noise = _make(NoiseRange, values.pop("noise", {}), path)
    runs = _make(Runs, values.pop("runs"), path) if "runs" in values else None
    heads = _make(Heads, values.pop("heads"), path) if "heads" in values else None
    pairs = tuple(_make(Pairing, each, path) for each in values.pop("pairs", []))
    values |= {
        "pairs": pairs,
        "volumes": volumes,
        "noise": noise,
        "runs": runs,
        "heads": heads,
        "sizes": _frozen(values.pop("sizes", {})),
    }
    recipe: Recipe = _make(Recipe, values, path)
    return recipe


def _make(kind: Any, values: Mapping[str, Any], path: Path) -> Any:
    known = [each.name for each in fields(kind)]
    for name in values:
        if name not in known:
            raise UsageError(
                f"recipe {str(path)!r}: {name!r} is not one of {', '.join(known)} ({kind.__name__})"
            )
    try:
        return kind(**_frozen(values))
    except TypeError as error:
        raise UsageError(f"recipe {str(path)!r}: {error}") from error


def _frozen(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _tuples(value) for name, value in values.items()}


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
