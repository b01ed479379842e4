"""Patients and controls who are scanned and examined; one file each is kept."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from bids_denoise.anatomy.align import align
from bids_denoise.anatomy.grids import pull
from bids_denoise.anatomy.person import GREY
from bids_denoise.anatomy.template import mni152, of_images
from bids_denoise.anatomy.tissues import segment
from bids_denoise.denoisers.apply import denoise
from bids_denoise.denoisers.choose import Kind, choose_denoiser
from bids_denoise.noise import estimate
from bids_denoise.simulate import anatomy
from bids_denoise.simulate.anatomy import NUCLEI, Grid
from bids_denoise.simulate.cohort import Design, Group, Site, draw_people
from bids_denoise.simulate.phantom import CONTRASTS
from bids_denoise.simulate.session import nuclei, scan
from bids_denoise.simulate.species import SPECIES
from bids_denoise.simulate.traits import Traits
from bids_denoise.values import Device, Image, Noise

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from bids_denoise.anatomy.template import Template
    from bids_denoise.simulate.anatomy import Individual
    from bids_denoise.simulate.cohort import Person
    from bids_denoise.values import BoolArray, FloatArray

    Array = npt.NDArray[np.float64]

LABELS = ("without noise", "original", "denoised")
MIDDLE = (0.0, 10.0, 10.0)
SCANNED, COMPARED = (98.0, 92.0, 82.0), (76.0, 70.0, 60.0)
"""mm of the box about the nuclei that is scanned, and of that which is compared."""

COARSE = 4.0
"""mm of the voxels of the whole head, from which the affine to the template is found."""

SEED = 20


@dataclass(frozen=True)
class Protocol:
    """How people are scanned: `snr` is the mean signal of the brain over sigma, `voxel` in mm.

    There are two groups of `size`; who is ill has a first nucleus that is smaller by `effect`.
    """

    snr: float
    voxel: float = 2.0
    effect: float = 0.04
    size: int = 20

    @property
    def design(self) -> Design:
        """Return the cohort, everybody as if she were healthy."""
        return Design((Group("person", 2 * self.size),), (Site(snr=self.snr),))

    def ill(self, person: Person) -> Person:
        """Return the same person with the disease."""
        first, *others = person.traits.nuclei
        nuclei = (first * (1 - self.effect), *others)
        return replace(person, traits=replace(person.traits, nuclei=nuclei))


@dataclass(frozen=True)
class Examined:
    """What is kept of one person.

    Attributes
    ----------
    tissues
        float32 (label, tissue, x, y, z), as segmented.
    affine, linear
        (4, 4): voxels to mm, and mm of the template to mm.
    errors
        By label: mean squared error in the brain, in units of sigma squared.
    nucleus
        By label, mL: grey matter within the true nucleus; last its true volume.
    total
        mL within the skull.
    """

    person: Person
    tissues: FloatArray
    affine: Array
    linear: Array
    errors: Array
    nucleus: Array
    total: float


def examine(protocol: Protocol, index: int, folder: Path) -> tuple[Examined, Examined]:
    """Return a person healthy and ill, examined unless her file is in the folder."""
    person = draw_people(protocol.design, SEED)[index]
    paths = [
        folder / f"snr{protocol.snr:g}_voxel{protocol.voxel:g}_{effect}_{person.participant_id}.npz"
        for effect in ("0", f"{protocol.effect:g}")
    ]
    if not all(path.is_file() for path in paths):
        linear, total = _overview(protocol, person)
        for path, who in zip(paths, (person, protocol.ill(person)), strict=True):
            made = _examined(protocol, who, linear, total)
            path.parent.mkdir(parents=True, exist_ok=True)
            draft = path.with_suffix(".draft.npz")
            np.savez(draft, **{each.name: getattr(made, each.name) for each in fields(made)[1:]})
            draft.rename(path)
    healthy, ill = (_kept(person, path) for path in paths)
    return healthy, ill


def _kept(person: Person, path: Path) -> Examined:
    with np.load(path) as kept:
        return Examined(person, **{each.name: kept[each.name] for each in fields(Examined)[1:]})


def _overview(protocol: Protocol, person: Person) -> tuple[Array, float]:
    """Return the affine of the template to a person, and the volume within her skull in mL."""
    grid = SPECIES["human"].grid(COARSE)
    truth = scan(protocol.design, person, grid, COARSE).truth
    start = np.diag([person.traits.scale] * 3 + [1.0])
    brain = np.where(truth.brain, truth.image, np.float32(0))
    return align(brain, grid.affine, mni152(), start), sum(truth.volumes) / 1000


def _examined(protocol: Protocol, person: Person, linear: Array, total: float) -> Examined:
    scale = person.traits.scale
    x, y, z = (round(side / protocol.voxel) for side in SCANNED)
    middle = (MIDDLE[0] * scale, MIDDLE[1] * scale, MIDDLE[2] * scale)
    grid = anatomy.centred_grid((x, y, z), (protocol.voxel,) * 3, middle)
    session = scan(protocol.design, person, grid)
    brain, clean, noisy = session.truth.brain, session.truth.image, session.repeats[0].data
    level = Noise(np.full(grid.shape, session.sigma, np.float32), "rician", "known")
    better = denoised(Image(noisy, grid.affine, np.ones(grid.shape, bool)), level)
    back = np.asarray(np.linalg.inv(linear), dtype=np.float64)
    prior = pull(tissues_of(mni152()), mni152().affine, grid, back)
    own = nuclei(protocol.design, person, grid)[0] * protocol.voxel**3 / 1000
    images = (clean, noisy, better)
    tissues = [segment(each, brain, grid.affine, prior).probabilities for each in images]
    return Examined(
        person,
        np.stack(tissues),
        grid.affine,
        linear,
        np.array([np.mean((each - clean)[brain] ** 2) for each in images]) / session.sigma**2,
        np.array([*((each[GREY] * own).sum() for each in tissues), own.sum()]),
        total,
    )


def denoised(image: Image, noise: Noise | None = None) -> FloatArray:
    """Return an image denoised as the app does it when nothing is asked for."""
    chosen = choose_denoiser("auto", {}, Kind("anat", image.data.shape)).denoiser
    return denoise(chosen, image, noise or estimate(image), Device()).data


@lru_cache(maxsize=1)
def template() -> Template:
    """Return the head that everybody is drawn from, without her folds, about the nuclei."""
    whole = mni152()
    voxel = np.linalg.norm(whole.affine[:3, :3], axis=0)
    at = np.linalg.inv(whole.affine) @ [*MIDDLE, 1.0]
    low = np.round(at[:3] - np.array(COMPARED) / voxel / 2).astype(int)
    x, y, z = (round(side / each) for side, each in zip(COMPARED, voxel, strict=True))
    affine = whole.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ low
    grid = Grid((x, y, z), affine)
    parts = anatomy.fractions(_nobody(), grid)
    tissues = anatomy.brain_tissues(_nobody(), grid, parts)
    image = anatomy.signal(parts, CONTRASTS["T1w"]) * (tissues.sum(axis=0) > 0.5)
    return of_images(image, tissues, affine, "simulated", "the head that people are drawn from")


def tissues_of(whole: Template) -> FloatArray:
    """Return the maps of a template that has them."""
    if whole.tissues is None:
        raise ValueError(f"{whole.name} has no tissues")
    return whole.tissues


def true_nucleus() -> BoolArray:
    """Return the nucleus that is smaller, in the template: (x, y, z)."""
    return np.asarray(anatomy.nuclei(_nobody(), template().grid)[0] > 0.5)


def _nobody() -> Individual:
    nobody = anatomy.draw_individual(np.random.default_rng(0), 0.0)
    return replace(nobody, traits=Traits(nuclei=(1.0,) * len(NUCLEI)))
