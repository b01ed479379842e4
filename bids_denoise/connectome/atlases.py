"""Which file an atlas is: one that was named, or one of the local TemplateFlow cache.

Nothing is downloaded.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path

from bids_denoise.errors import MissingInputError, ScanError
from bids_denoise.template_cache import cache, entities

WORDS = ("auto", "none")
"""What is no atlas: parcels made from the run, and no connectome."""


def is_file(atlas: str) -> bool:
    """Say whether an atlas is named by its file, and not by TemplateFlow's name.

    >>> is_file("./mine.nii.gz"), is_file("Schaefer2018:100Parcels7Networks")
    (True, False)
    """
    return "/" in atlas or (atlas.endswith((".nii", ".nii.gz")) and not atlas.startswith("tpl-"))


def label_of(path: Path) -> str:
    """Return what to call an atlas, fit for a file name.

    >>> label_of(Path("tpl-X_res-02_atlas-Schaefer2018_desc-100Parcels7Networks_dseg.nii.gz"))
    'Schaefer2018+100Parcels7Networks'
    >>> label_of(Path("my atlas.nii"))
    'myatlas'
    """
    found = entities(path.name)
    parts = [found[key] for key in ("atlas", "seg", "desc") if key in found]
    return "+".join(parts) or re.sub(r"[^a-zA-Z0-9]", "", path.name.split(".")[0]) or "atlas"


@dataclass(frozen=True)
class Wish:
    """An atlas of TemplateFlow by its entities; None stands for any."""

    template: str | None
    name: str | None
    description: str | None = None
    resolution: str | None = None

    def found(self) -> list[Path]:
        """Return the files that fit and are there: empty ones are only TemplateFlow's list."""
        asked = {"atlas": self.name, "desc": self.description, "res": self.resolution}
        wanted = {key: value for key, value in asked.items() if value}
        paths = sorted(cache().glob(f"tpl-{self.template or '*'}/*_dseg.nii*"))
        return [
            path
            for path in paths
            if wanted.items() <= entities(path.name).items() and path.stat().st_size
        ]

    def how_to_fetch(self) -> str:
        """Return why there is none, and what to do."""
        template = self.template or "MNI152NLin2009cAsym"
        described = f"_desc-{self.description}" if self.description else ""
        more = f", desc={self.description!r}" if self.description else ""
        call = f"api.get({template!r}, atlas={self.name!r}{more}, suffix='dseg')"
        return (
            f"tpl-{template} atlas-{self.name}{described}_dseg.nii.gz is not in TemplateFlow's "
            f"folder {cache()}, and nothing is downloaded. Fetch it where there is a network, "
            f'python -c "from templateflow import api; {call}", or give a label image'
        )


def wish(atlas: str, space: str | None = None) -> Wish:
    """Return what the name of an atlas of TemplateFlow asks for, by default for a run's space.

    >>> wish("Schaefer2018:100Parcels7Networks", "MNI152NLin6Asym")
    Wish(template='MNI152NLin6Asym', name='Schaefer2018', description='100Parcels7Networks', \
resolution=None)
    """
    if atlas.startswith("tpl-"):
        asked = entities(atlas)
        return Wish(asked.get("tpl"), asked.get("atlas"), asked.get("desc"), asked.get("res"))
    name, _, description = atlas.partition(":")
    return Wish(space, name, description.removeprefix("desc-") or None)


def check_cache(atlas: str) -> None:
    """See that an atlas is in the local TemplateFlow folder, for whatever template.

    Raises
    ------
    MissingInputError
        It is not.
    """
    asked = wish(atlas)
    if not asked.found():
        raise MissingInputError(f"--atlas {atlas}: {asked.how_to_fetch()}")


def find_atlas(atlas: str, space: str | None) -> Path:
    """Return the file of an atlas.

    Parameters
    ----------
    atlas
        A file; or an atlas of TemplateFlow: ``Schaefer2018``, ``Schaefer2018:100Parcels7Networks``
        with its ``desc``, or the file name there, ``tpl-..._dseg[.nii.gz]``.
    space
        The space of the run; its template is the one the atlas is taken for.

    Raises
    ------
    ScanError
        It is not there, several fit, or it lies in another space.
    """
    if is_file(atlas):
        return _same_space(Path(atlas), space)
    asked = wish(atlas, space)
    if asked.template is None:
        raise ScanError(
            f"atlas {atlas}: the run is in no standard space (no space- in its name), so no "
            "template's atlas fits it; give a label image in its own space"
        )
    found = asked.found()
    if not found:
        raise ScanError(f"atlas {atlas}: {asked.how_to_fetch()}")
    descriptions = sorted({entities(path.name).get("desc", "") for path in found})
    if len(descriptions) > 1:
        raise ScanError(f"atlas {atlas}: several fit; add one of :{', :'.join(descriptions)}")
    # The coarsest will do: it is brought to the grid of a run.
    return _same_space(found[-1], space)


def lookup_table(path: Path) -> dict[int, str]:
    """Return the names of labels from the .tsv beside an atlas, with columns index and name.

    TemplateFlow keeps one for all resolutions, without ``res-`` in its name.
    """
    stem = path.name.removesuffix(".gz").removesuffix(".nii")
    for name in (stem, re.sub(r"_res-[a-zA-Z0-9]+", "", stem)):
        table = path.with_name(f"{name}.tsv")
        if table.is_file():
            return _names_in(table)
    return {}


def _names_in(table: Path) -> dict[int, str]:
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t"))
        return {int(float(row["index"])): row["name"] for row in rows}
    except (KeyError, ValueError, TypeError):
        raise ScanError(f"{table}: columns index (a number) and name are expected") from None


def _same_space(path: Path, space: str | None) -> Path:
    """Return the file, unless its name says that it lies in another space than the run."""
    found = entities(path.name)
    own = found.get("tpl") or found.get("space")
    if own is not None and own != space:
        where = f"space-{space}" if space else "the space of its scanner"
        raise ScanError(
            f"atlas {path} is in {own}, the run in {where}: nothing is brought from one "
            "space to another"
        )
    return path
