"""Animals that are scanned and examined, healthy and ill; a file of each is kept."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np

from bids_denoise.anatomy.align import align
from bids_denoise.anatomy.person import GREY
from bids_denoise.anatomy.template import of_images
from bids_denoise.anatomy.tissues import segment
from bids_denoise.denoisers.apply import denoise
from bids_denoise.denoisers.choose import Kind, choose_denoiser
from bids_denoise.noise import estimate
from bids_denoise.simulate import anatomy, rodent
from bids_denoise.simulate.cohort import Design, Group, Site, draw_people
from bids_denoise.simulate.phantom import CONTRASTS
from bids_denoise.simulate.session import nuclei, scan
from bids_denoise.simulate.traits import Traits
from bids_denoise.values import Device, Image, Noise

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from bids_denoise.anatomy.template import Template
    from bids_denoise.simulate.anatomy import Grid
    from bids_denoise.simulate.cohort import Person
    from bids_denoise.simulate.rodent import Rodent
    from bids_denoise.values import BoolArray, FloatArray

    Array = npt.NDArray[np.float64]

LABELS = ("without noise", "original", "denoised")
BOX, MIDDLE = (17.0, 24.0, 12.0), (0.0, -1.5, 0.0)
"""mm of the mean rat: what is scanned, which holds the brain."""

SEED = 20


@dataclass(frozen=True)
class Protocol:
    """How rats are scanned: `snr` is the mean signal of the brain over sigma, `voxel` in mm.

    There are two groups of `size`; who is ill has a first nucleus that is smaller by `effect`.
    They are males of an inbred strain, in whom a nucleus differs by 2 %.
    """

    snr: float
    voxel: float = 0.4
    effect: float = 0.04
    size: int = 20

    @property
    def design(self) -> Design:
        """Return the cohort, everybody as if it were healthy."""
        everybody = Group("rat", 2 * self.size, women=0.0)
        return Design((everybody,), (Site(snr=self.snr),), nucleus_spread=0.02, species="rat")

    def ill(self, person: Person) -> Person:
        """Return the same animal with the disease."""
        first, *others = person.traits.nuclei
        nuclei = (first * (1 - self.effect), *others)
        return replace(person, traits=replace(person.traits, nuclei=nuclei))

    def grid(self, scale: float = 1.0) -> Grid:
        """Return the voxels of the scan of an animal of that size."""
        x, y, z = (round(scale * side / self.voxel) for side in BOX)
        middle = (scale * MIDDLE[0], scale * MIDDLE[1], scale * MIDDLE[2])
        return anatomy.centred_grid((x, y, z), (self.voxel,) * 3, middle)

    def template(self) -> Template:
        """Return the animal that all are drawn from."""
        grid, mean = self.grid(), _mean_rat()
        parts = rodent.fractions(mean, grid, self.voxel)
        tissues = rodent.brain_tissues(mean, grid, parts)
        image = anatomy.signal(parts, CONTRASTS["T1w"]) * (tissues.sum(axis=0) > 0.5)
        return of_images(image, tissues, grid.affine, "meanRat", "the rat that all are drawn from")

    def true_nucleus(self) -> BoolArray:
        """Return the nucleus that is smaller, in the template: (x, y, z)."""
        return np.asarray(rodent.nuclei(_mean_rat(), self.grid(), self.voxel)[0] > 0.5)


@dataclass(frozen=True)
class Examined:
    """What is kept of one animal.

    Attributes
    ----------
    tissues
        float32 (label, tissue, x, y, z), as segmented.
    affine, linear
        (4, 4): voxels to mm, and mm of the template to mm, by the denoised image.
    errors
        By label: mean squared error in the brain, in units of sigma squared.
    nucleus
        By label, mm^3: grey matter within the true nucleus; last its true volume.
    total
        mm^3 within the skull.
    """

    person: Person
    tissues: FloatArray
    affine: Array
    linear: Array
    errors: Array
    nucleus: Array
    total: float


def examine(protocol: Protocol, index: int, folder: Path) -> tuple[Examined, Examined]:
    """Return an animal healthy and ill, examined unless its file is in the folder."""
    person = draw_people(protocol.design, SEED)[index]
    found = []
    for effect, who in ((0, person), (protocol.effect, protocol.ill(person))):
        name = f"snr{protocol.snr:g}_voxel{protocol.voxel:g}_{effect:g}_{who.participant_id}.npz"
        path = folder / name
        if not path.is_file():
            made = _examined(protocol, who)
            path.parent.mkdir(parents=True, exist_ok=True)
            draft = path.with_suffix(".draft.npz")
            np.savez(draft, **{each.name: getattr(made, each.name) for each in fields(made)[1:]})
            draft.rename(path)
        with np.load(path) as kept:
            stored = {each.name: kept[each.name] for each in fields(Examined)[1:]}
        found.append(Examined(who, **stored))
    healthy, ill = found
    return healthy, ill


def _examined(protocol: Protocol, person: Person) -> Examined:
    grid = protocol.grid(person.traits.scale)
    session = scan(protocol.design, person, grid)
    brain, clean, noisy = session.truth.brain, session.truth.image, session.repeats[0].data
    level = Noise(np.full(grid.shape, session.sigma, np.float32), "rician", "known")
    better = denoised(Image(noisy, grid.affine, np.ones(grid.shape, bool)), level)
    own = nuclei(protocol.design, person, grid)[0] * protocol.voxel**3
    images = (clean, noisy, better)
    tissues = [segment(each, brain, grid.affine, None).probabilities for each in images]
    seen = np.where(brain, better, np.float32(0))
    return Examined(
        person,
        np.stack(tissues),
        grid.affine,
        align(seen, grid.affine, protocol.template(), np.eye(4)),
        np.array([np.mean((each - clean)[brain] ** 2) for each in images]) / session.sigma**2,
        np.array([*((each[GREY] * own).sum() for each in tissues), own.sum()]),
        sum(session.truth.volumes),
    )


def denoised(image: Image, noise: Noise | None = None) -> FloatArray:
    """Return an image denoised as the app does it when nothing is asked for."""
    chosen = choose_denoiser("auto", {}, Kind("anat", image.data.shape)).denoiser
    return denoise(chosen, image, noise or estimate(image), Device()).data


def _mean_rat() -> Rodent:
    traits = Traits(nuclei=(1.0,) * len(rodent.HIPPOCAMPI))
    return rodent.draw_rodent(rodent.RAT, np.random.default_rng(0), traits, 0.0)
