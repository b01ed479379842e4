"""Cohorts of people with a known effect and known confounds: who they are, before any scan.

Each person is drawn from the seed and her own number alone, so that she is the same however many
others there are. `bids_denoise.simulate.session` scans her.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from bids_denoise.simulate.phantom import CONTRASTS
from bids_denoise.simulate.traits import Traits

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

HEAD_OF = {"F": 0.95, "M": 1.05}
"""Volume of the head by sex, relative to the template's."""

HEAD_SPREAD = {"human": 0.06, "rat": 0.03, "mouse": 0.03}
"""Standard deviation of that volume, relative; that of rodents as in inbred strains."""

TEMPLATE_AGE, AGEING_PER_YEAR, AGEING_SPREAD = 40.0, 0.025, 0.2
"""Log odds of fluid against tissue: from 40 to 80 years grey matter falls by 7 %."""

NUCLEUS_PER_YEAR = -0.002
"""Relative change of every deep grey nucleus per year of age."""

LATERALITY = 0.3
"""Share of the variance of a nucleus that is not that of its partner."""

YOUNGEST, OLDEST = 18.0, 90.0


@dataclass(frozen=True)
class Site:
    """A scanner.

    Attributes
    ----------
    name
        Of the site.
    gain
        Image units a unit of the tissue table.
    gamma
        Exponent of the tissue means, relative to the brightest: below 1 contrast is weaker.
    non_uniformity
        Range of the receive field over the brain, relative to its mean: 0.2 is BrainWeb's 20 %.
    snr
        Mean signal of the brain over sigma of the noise.
    """

    name: str = "A"
    gain: float = 4.0
    gamma: float = 1.0
    non_uniformity: float = 0.2
    snr: float = 20.0


TWO_SITES = (Site("A"), Site("B", gain=5.0, gamma=0.85, non_uniformity=0.4, snr=14.0))


@dataclass(frozen=True)
class Group:
    """One group of a cohort.

    Attributes
    ----------
    name, size
        The label in the table, and how many belong to it.
    effect
        Share by which the first nucleus of the species is smaller than it would be; typically
        0.03 to 0.05.
    age
        Mean, in years; of rodents, in weeks.
    women
        Share.
    sites
        How often each site of the design is met, in any unit; empty for equally often.
    """

    name: str
    size: int
    effect: float = 0.0
    age: float = 50.0
    women: float = 0.5
    sites: tuple[float, ...] = ()


@dataclass(frozen=True)
class Design:
    """How a cohort is made.

    Attributes
    ----------
    groups, sites
        Who and where.
    age_spread
        Standard deviation of age within a group, in years.
    nucleus_spread
        Standard deviation of a nucleus' volume between people of one age, relative.
    contrast
        BIDS suffix of the scans.
    repeats
        Scans of each person in one session.
    motion
        Standard deviation of each shift (mm) and turn (degrees) between repeats.
    species
        Whose heads they are.
    """

    groups: tuple[Group, ...]
    sites: tuple[Site, ...] = (Site(),)
    age_spread: float = 12.0
    nucleus_spread: float = 0.03
    contrast: str = "T1w"
    repeats: int = 1
    motion: float = 0.5
    species: Literal["human", "rat", "mouse"] = "human"

    def __post_init__(self) -> None:
        if self.contrast not in CONTRASTS:
            raise ValueError(f"contrast {self.contrast!r} is not one of {', '.join(CONTRASTS)}")
        names = [group.name for group in self.groups]
        if len(set(names)) < len(names):
            raise ValueError(f"groups {names!r} do not differ in name")
        for group in self.groups:
            if len(group.sites) not in {0, len(self.sites)}:
                raise ValueError(
                    f"group {group.name!r} has weights of {len(group.sites)} sites; "
                    f"the design has {len(self.sites)}"
                )
            if not 0 <= group.effect < 0.5:
                raise ValueError(f"effect is {group.effect!r}; 0 to 0.5 is allowed")


@dataclass(frozen=True)
class Person:
    """One member of a cohort. `seed` and `traits` decide her anatomy and her scans."""

    participant_id: str
    group: str
    age: float
    sex: Literal["F", "M"]
    site: Site
    traits: Traits
    seed: tuple[int, ...]

    def stream(self, *purpose: int) -> np.random.Generator:
        """Return a generator of her own; each `purpose` has another."""
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=purpose))


def two_groups(size: int, effect: float, confounding: float = 0.0) -> tuple[Group, Group]:
    """Return controls and patients, `size` each, for a design with `TWO_SITES`.

    Parameters
    ----------
    size
        Of each group.
    effect
        Share by which the first nucleus of patients is smaller. 0 with `confounding` is a null
        cohort whose groups differ all the same.
    confounding
        0 for groups alike in age, sex and site; at 1 patients are 20 years older, all men, and
        all scanned at the second site, controls all women at the first.
    """
    if not 0 <= confounding <= 1:
        raise ValueError(f"confounding is {confounding!r}; 0 to 1 is allowed")
    near, far = (1 + confounding) / 2, (1 - confounding) / 2
    years = 10 * confounding
    return (
        Group("control", size, 0.0, 50 - years, near, (near, far)),
        Group("patient", size, effect, 50 + years, far, (far, near)),
    )


def draw_people(design: Design, seed: int) -> tuple[Person, ...]:
    """Draw everyone of a cohort, group by group; takes no time worth mentioning."""
    return tuple(
        _draw_person(design, group, (seed, number, index))
        for number, group in enumerate(design.groups)
        for index in range(group.size)
    )


def null_labels(
    people: Sequence[Person], confounding: float, rng: np.random.Generator
) -> tuple[Person, ...]:
    """Return `people` with labels that mean nothing: half of them patients, half controls.

    Many null cohorts are so made of one set of scans. The people have to be without effect.

    Parameters
    ----------
    people
        Who is labelled; her anatomy and scans stay as they are.
    confounding
        Correlation of a label's cause with the site that comes later by name, 0 to 1.
    rng
        Draws the rest of the cause.
    """
    names = np.array([person.site.name for person in people])
    place = np.unique(names, return_inverse=True)[1]
    cause = confounding * (place - place.mean()) / max(place.std(), 1e-12)
    cause += np.sqrt(1 - confounding**2) * rng.standard_normal(len(people))
    ill = np.argsort(np.argsort(cause)) >= len(people) // 2
    return tuple(
        replace(person, group="patient" if each else "control")
        for person, each in zip(people, ill, strict=True)
    )


def participants(people: Iterable[Person]) -> list[dict[str, str | float]]:
    """Return the rows of ``participants.tsv``."""
    return [
        {
            "participant_id": person.participant_id,
            "group": person.group,
            "age": person.age,
            "sex": person.sex,
            "site": person.site.name,
        }
        for person in people
    ]


def _draw_person(design: Design, group: Group, seed: tuple[int, ...]) -> Person:
    """Draw one person; how often the generator is asked does not depend on the design."""
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0,)))
    chance, site_chance = rng.random(2)
    years, head, ageing, shared, *sides = rng.standard_normal(6)
    age = round(float(np.clip(group.age + design.age_spread * years, YOUNGEST, OLDEST)), 1)
    sex: Literal["F", "M"] = "F" if chance < group.women else "M"
    weights = np.array(group.sites or [1.0] * len(design.sites))
    site = int(np.searchsorted(np.cumsum(weights) / weights.sum(), site_chance, side="right"))
    own = np.sqrt(1 - LATERALITY) * shared + np.sqrt(LATERALITY) * np.array(sides)
    nuclei = np.exp(design.nucleus_spread * own) * (1 + NUCLEUS_PER_YEAR * (age - TEMPLATE_AGE))
    nuclei[0] *= 1 - group.effect
    traits = Traits(
        scale=float(np.cbrt(HEAD_OF[sex] * np.exp(HEAD_SPREAD[design.species] * head))),
        ageing=float(AGEING_PER_YEAR * (age - TEMPLATE_AGE) + AGEING_SPREAD * ageing),
        nuclei=tuple(nuclei.tolist()),
    )
    name = f"sub-{group.name}{seed[-1] + 1:03d}"
    return Person(name, group.name, age, sex, design.sites[site], traits, seed)
