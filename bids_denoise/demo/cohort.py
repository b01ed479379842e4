"""The demo's cohort: patients and controls who differ in one nucleus, with a coarse T1w each."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from bids_denoise.demo.scans import Acquired, Truth
from bids_denoise.simulate.cohort import Design, Group, Site, draw_people
from bids_denoise.simulate.session import nuclei, scan
from bids_denoise.simulate.species import SPECIES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bids_denoise.simulate.cohort import Person

EFFECT = 0.48
"""Share by which the left caudate of patients is smaller than it would be."""

CONTROL, PATIENT = "control", "patient"
SNR = 8.0
"""Mean signal of the brain over sigma: a short scan."""

DESIGN = Design(
    groups=(Group(CONTROL, 12), Group(PATIENT, 12, EFFECT)),
    sites=(Site(snr=SNR),),
    age_spread=8.0,
)
REPEATED, REPEATS = f"sub-{PATIENT}001", 4
"""Who is scanned more than once, and how often."""

VOXEL, LARGEST = 3.0, 4.5
"""Side of a voxel in mm, and that of the largest that still show the anatomy."""


def people(seed: int) -> tuple[Person, ...]:
    """Draw everyone of the cohort."""
    return draw_people(DESIGN, seed)


def voxel_of(coarseness: float) -> float:
    """Return the side of a voxel in mm."""
    return min(VOXEL * coarseness, LARGEST)


def acquire(person: Person, coarseness: float = 1.0) -> Iterator[Acquired]:
    """Scan one person: T1w once, or `REPEATS` times; she moves a little between the repeats."""
    voxel = voxel_of(coarseness)
    grid = SPECIES["human"].grid(voxel)
    count = REPEATS if person.participant_id == REPEATED else 1
    design = replace(DESIGN, repeats=count)
    session = scan(design, person, grid, finest=voxel)
    sigma = np.full(grid.shape, session.sigma, dtype=np.float32)
    for number, repeat in enumerate(session.repeats, start=1):
        stem = person.participant_id + (f"_run-{number}" if count > 1 else "")
        truth = Truth(repeat.clean, sigma, session.truth.brain, grid, region_of="brain")
        if number == 1:
            affected = nuclei(design, person, grid, finest=voxel)[0] > 0.5
            truth = replace(truth, tissues=session.truth.tissues, nucleus=affected)
        yield Acquired("anat", stem, "T1w", np.rint(repeat.data).astype(np.int16), truth)
