"""How well people are brought to a template.

Simulated people of MNI152 (release 2009a, 2 mm) whose warp is known, seen in voxels of 1 mm and
tilted: how far the tissues overlap, how far a point of the brain is from where it belongs, how
far the local volumes agree (correlation of the log Jacobians, smoothed by 8 mm), and whether a
nucleus that lost 4 % of its volume is seen. Seconds are of processor time. The peer, ANTs (SyN),
gets the same images after the same affine, where it is installed.

::

    python benchmarks/normalisation.py [--people 2] [--slow] [--output PAGE]
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.ndimage import gaussian_filter

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.tables import table, write_page
from bids_denoise.anatomy.align import align, brain_image
from bids_denoise.anatomy.grids import pull
from bids_denoise.anatomy.normalise import Normalised, deform, jacobian_of, warp
from bids_denoise.anatomy.template import mni152
from bids_denoise.simulate.anatomy import (
    Grid,
    Individual,
    centred_grid,
    draw_individual,
    fractions,
    points_of,
    sample,
)
from bids_denoise.simulate.phantom import Tissue

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.values import FloatArray

    Affine = npt.NDArray[np.float64]
    Row = list[str]
    Method = Callable[[FloatArray, Affine, Affine], Normalised]

OUTPUT = Path(__file__).parents[1] / "docs" / "benchmarks" / "normalisation.md"
TEMPLATE = mni152(2.0)
BRAIN = TEMPLATE.image > 0.1
NUCLEUS, RADIUS, LOSS = (14.0, -20.0, 8.0), 12.0, 0.04


@dataclass(frozen=True)
class Case:
    """A person, where her brain's points belong, and the affine to her."""

    individual: Individual
    grid: Grid
    tissues: FloatArray
    linear: Affine


def seconds(work: Callable[[], Any]) -> tuple[Any, float]:
    start = time.process_time()
    done = work()
    return done, time.process_time() - start


def tissues_of(individual: Individual, grid: Grid) -> FloatArray:
    parts = fractions(individual, grid)
    grey = parts[Tissue.GREY] + parts[Tissue.DEEP_GREY]
    three = np.stack([grey, parts[Tissue.WHITE], parts[Tissue.CSF]])
    return np.where(three.sum(axis=0) > 0.5, three, np.float32(0))


def case(seed: int) -> Case:
    grid = centred_grid((160, 200, 170), (1.0, 1.0, 1.0), (0.0, -18.0, 0.0), tilt=12.0)
    individual = draw_individual(np.random.default_rng(seed))
    tissues = tissues_of(individual, grid)
    return Case(individual, grid, tissues, align(tissues, grid.affine, TEMPLATE))


def belongs(individual: Individual) -> FloatArray:
    """Return where in the person each voxel of the template lies: x + warp(x) is the voxel."""
    at = points_of(TEMPLATE.grid)
    found = at.copy()
    for _ in range(20):
        found = at - sample(individual.warp, found)
    return found


def reached(normalised: Normalised) -> FloatArray:
    moved = points_of(TEMPLATE.grid) + normalised.displacement
    linear = normalised.linear.astype(np.float32)
    return np.tensordot(linear[:3, :3], moved, axes=1) + linear[:3, 3].reshape(3, 1, 1, 1)


def log_jacobian(points: FloatArray) -> FloatArray:
    """Return the smoothed log of the local volume of a map of the template's voxels to mm."""
    in_voxels = (points - points_of(TEMPLATE.grid)) / np.float32(2)
    stretch = np.maximum(jacobian_of(in_voxels), 0.01)
    return np.asarray(gaussian_filter(np.log(stretch), 8 / 2.355 / 2))


def row(name: str, one: Case, normalised: Normalised, spent: float) -> Row:
    assert TEMPLATE.tissues is not None
    warped = warp(one.tissues, one.grid.affine, normalised)
    dice = [
        2 * np.minimum(mine, goal).sum() / (mine.sum() + goal.sum())
        for mine, goal in zip(warped, TEMPLATE.tissues, strict=True)
    ]
    truth, got = belongs(one.individual), reached(normalised)
    error = np.linalg.norm(got - truth, axis=0)[BRAIN]
    agree = np.corrcoef(log_jacobian(truth)[BRAIN], log_jacobian(got)[BRAIN])[0, 1]
    return [
        name,
        *(f"{each:.3f}" for each in dice[:2]),
        f"{np.median(error):.2f} / {np.percentile(error, 95):.2f}",
        f"{agree:.3f}",
        f"{normalised.jacobian.min():.2f} to {normalised.jacobian.max():.2f}",
        f"{spent:.0f}",
    ]


def affine_only(tissues: FloatArray, affine: Affine, linear: Affine) -> Normalised:  # noqa: ARG001
    shape = TEMPLATE.image.shape
    whole = np.full(shape, abs(np.linalg.det(linear[:3, :3])), dtype=np.float32)
    return Normalised(linear, np.zeros((3, *shape), dtype=np.float32), whole, TEMPLATE)


def ants_syn(metric: str) -> Method:
    """Return ANTs' SyN on the images that `deform` works on."""

    def brought(tissues: FloatArray, affine: Affine, linear: Affine) -> Normalised:
        import ants

        assert TEMPLATE.tissues is not None
        own = pull(brain_image(tissues), affine, TEMPLATE.grid, linear)
        fixed, moving = (
            ants.from_numpy(each.astype(np.float32), spacing=(2.0, 2.0, 2.0))
            for each in (brain_image(TEMPLATE.tissues), own)
        )
        found = ants.registration(
            fixed,
            moving,
            "SyNOnly",
            initial_transform="Identity",
            syn_metric=metric,
            syn_sampling=2 if metric == "CC" else 32,
            reg_iterations=(40, 20, 10),
            random_seed=1,
        )
        field = ants.image_read(found["fwdtransforms"][0]).numpy()
        displacement = np.ascontiguousarray(np.moveaxis(field, -1, 0), dtype=np.float32)
        jacobian = jacobian_of(displacement / np.float32(2)) * abs(np.linalg.det(linear[:3, :3]))
        return Normalised(linear, displacement, jacobian.astype(np.float32), TEMPLATE)

    return brought


def atrophied(one: Case) -> FloatArray:
    """Return the person with a nucleus, and as much around it, that lost volume inside."""
    away = points_of(one.grid) - np.array(NUCLEUS, dtype=np.float32).reshape(3, 1, 1, 1)
    distance = np.linalg.norm(away, axis=0)
    growth = LOSS / 3 * np.clip(2 - distance / RADIUS, 0, 1)
    return pull(one.tissues, one.grid.affine, one.grid, None, (away * growth).astype(np.float32))


def atrophy(name: str, one: Case, brought: Method) -> Row:
    """Return the change of volume in the nucleus, and how much it scatters far away."""
    affine = one.grid.affine
    healthy = brought(one.tissues, affine, one.linear)
    ill = brought(atrophied(one), affine, one.linear)
    logs = np.log(np.maximum(ill.jacobian, 0.01) / np.maximum(healthy.jacobian, 0.01))
    change = gaussian_filter(logs, 8 / 2.355 / 2)
    distance = np.linalg.norm(
        reached(healthy) - np.array(NUCLEUS, dtype=np.float32).reshape(3, 1, 1, 1), axis=0
    )
    inside, far = distance < 0.8 * RADIUS, BRAIN & (distance > 4 * RADIUS)
    return [
        name,
        f"{100 * change[inside].mean():+.1f} %",
        f"{100 * change[far].mean():+.2f} %",
        f"{100 * change[far].std():.2f} %",
    ]


def affines(one: Case) -> list[Row]:
    """Return how far an affine found otherwise takes the brain's points from that of the T1w."""
    affine = one.grid.affine
    contrast = {"T1w": (0.6, 1, 0.25), "T2w": (0.6, 0.3, 1.0), "flat": (1.0, 0.9, 0.5)}
    turned = np.array([[0, -1, 0, 30], [0, 0, 1, -80], [-1, 0, 0, 5], [0, 0, 0, 1.0]])
    images = {
        name: np.tensordot(np.array(weights, dtype=np.float32), one.tissues, axes=1)
        for name, weights in contrast.items()
    }
    jobs = [(name, image, np.eye(4)) for name, image in images.items()]
    jobs += [("T1w, axes named wrongly", images["T1w"], turned)]
    jobs += [("tissues", one.tissues, np.eye(4))]
    rows: list[Row] = []
    reference = None
    points = points_of(TEMPLATE.grid)[:, BRAIN]
    for name, image, moved in jobs:
        found, spent = seconds(partial(align, image, moved @ affine, TEMPLATE))
        found = np.linalg.inv(moved) @ found
        reference = found if reference is None else reference
        apart = (found - reference)[:3, :3] @ points + (found - reference)[:3, 3:]
        rows.append([name, f"{np.sqrt(np.square(apart).sum(0).mean()):.2f}", f"{spent:.1f}"])
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=2)
    parser.add_argument("--slow", action="store_true", help="also SyN with cross-correlation")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    given = parser.parse_args()
    methods: dict[str, Method] = {"affine alone": affine_only, "bids-denoise": _ours}
    try:
        import ants  # noqa: F401

        methods["ANTs SyN, Mattes"] = ants_syn("mattes")
        if given.slow:
            methods["ANTs SyN, CC"] = ants_syn("CC")
    except ImportError:
        print("ANTs is not installed: no comparison", file=sys.stderr)
    cases = [case(seed) for seed in range(given.people)]
    rows = []
    for number, one in enumerate(cases):
        for name, brought in methods.items():
            work = partial(brought, one.tissues, one.grid.affine, one.linear)
            found, spent = seconds(work)
            rows.append(row(f"{number + 1}: {name}", one, found, spent))
            print(rows[-1], file=sys.stderr, flush=True)
    head = ["person: method", "Dice GM", "Dice WM", "error mm, median / p95"]
    head += ["log Jacobian r", "Jacobian", "s"]
    losses = [atrophy(name, cases[0], methods[name]) for name in list(methods)[1:3]]
    body = [
        "## Shape\n",
        table(head, rows),
        f"\n## A nucleus of {RADIUS:.0f} mm that lost {100 * LOSS:.0f} % of its volume\n",
        table(["method", "in it", "far from it, mean", "far from it, SD"], losses),
        "\n## The affine: distance to that of the T1w image\n",
        table(["image", "mm, root mean square", "s"], affines(cases[0])),
    ]
    said = f"{given.people} people"
    write_page("Normalisation", str(__doc__).split("::")[0], said, "\n".join(body), given.output)


def _ours(tissues: FloatArray, affine: Affine, linear: Affine) -> Normalised:
    return deform(tissues, affine, TEMPLATE, linear)


if __name__ == "__main__":
    main()
