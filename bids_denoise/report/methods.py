"""What was done, in words fit for a paper, and what to cite for it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from bids_denoise import __version__
from bids_denoise.denoisers import DENOISERS
from bids_denoise.denoisers.base import parameters
from bids_denoise.values import Record

BIBLIOGRAPHY = "templates/CITATION.bib"
EN_DASH = "\N{EN DASH}"

ALWAYS_CITED = (
    "gorgolewski2016", "gorgolewski2017", "stein1981", "ramani2008", "esteban2017",
    "harris2020", "virtanen2020", "lam2015", "brett_nibabel", "yarkoni2019",
)  # fmt: skip
"""For the standard, the quality control and the software, whatever was denoised."""


CITED_OF_ANATOMY = ("hoopes2022", "ashburner2005", "zhang2001")
CITED_OF_TEMPLATES = ("vercauteren2009", "lowekamp2013", "ashburner2000")
CITED_OF_CONNECTOMES = ("abraham2014", "ledoit2004", "finn2015")
PARCELLED = ("berger1987", "zalesky2010")
"""For parcels that are no atlas."""


@dataclass(frozen=True)
class Reference:
    """One paper.

    Attributes
    ----------
    key
        Of its BibTeX entry.
    short
        As it stands in a sentence, such as ``Stein, 1981``.
    text
        As it stands in a list of references, without the DOI.
    doi
        Without ``https://doi.org/``.
    bibtex
        The whole entry.
    """

    key: str
    short: str
    text: str
    doi: str
    bibtex: str


def methods_text(records: Iterable[Record]) -> str:
    """Return the methods section and its references as Markdown.

    The same records give the same text, whatever their order and however they were computed.
    """
    done = tuple(records)
    listed = "\n".join(f"- {each.text} <https://doi.org/{each.doi}>" for each in references(done))
    paragraphs = "\n\n".join(methods_paragraphs(done))
    return f"# Methods\n\n{paragraphs}\n\n# References\n\n{listed}\n"


def bibliography(records: Iterable[Record]) -> str:
    """Return the BibTeX entries of everything that `methods_text` cites."""
    return "\n\n".join(each.bibtex for each in references(records)) + "\n"


def references(records: Iterable[Record]) -> list[Reference]:
    """Return the papers that the methods of some records rest on, by name."""
    found = {library()[key] for key in _keys(_done(records))}
    return sorted(found, key=lambda each: each.text)


def methods_paragraphs(records: Iterable[Record]) -> list[str]:
    """Return the methods section, paragraph by paragraph, as plain text."""
    done = _done(records)
    return [
        f"Images were denoised with bids-denoise {__version__}, a BIDS App "
        f"({_cite('gorgolewski2017')}) for data in the Brain Imaging Data Structure "
        f"({_cite('gorgolewski2016')}).",
        *_noise_paragraph(done),
        *(_method_paragraph(group) for group in _groups(done)),
        *_quality_paragraph(done),
        *_connectome_paragraph(done),
        *_anatomy_paragraph(done),
        "The software builds on NumPy, SciPy, Numba, NiBabel and PyBIDS "
        f"({_cite('harris2020', 'virtanen2020', 'lam2015', 'brett_nibabel', 'yarkoni2019')}).",
    ]


@cache
def library() -> dict[str, Reference]:
    """Return every paper the app knows, by its BibTeX key."""
    text = files("bids_denoise.report").joinpath(BIBLIOGRAPHY).read_text(encoding="utf-8")
    entries = (entry.strip() for entry in re.split(r"\n(?=@)", text))
    return {each.key: each for each in map(_reference, entries)}


def _reference(entry: str) -> Reference:
    fields = dict(re.findall(r"^  (\w+) = \{(.*)\},$", entry, flags=re.MULTILINE))
    fields = {name: value.replace("\\&", "&") for name, value in fields.items()}
    key = re.match(r"@\w+\{(\w+),", entry)
    families = [name.split(",")[0] for name in fields["author"].split(" and ")]
    short = families[0] if len(families) == 1 else f"{families[0]} et al."
    if len(families) == 2 and families[1] != "others":
        short = f"{families[0]} & {families[1]}"
    place = fields.get("journal") or fields.get("booktitle") or fields["publisher"]
    if "volume" in fields:
        place += f" {fields['volume']}" + (f"({fields['number']})" if "number" in fields else "")
    if "pages" in fields:
        place += (":" if "volume" in fields else ", ") + fields["pages"].replace("--", EN_DASH)
    return Reference(
        key=key[1] if key else "",
        short=f"{short}, {fields['year']}",
        text=f"{_authors(fields['author'])} ({fields['year']}). {fields['title']}. {place}.",
        doi=fields["doi"],
        bibtex=entry,
    )


def _authors(field: str) -> str:
    """Return ``Stein CM`` for ``Stein, Charles M.``, and at most six authors."""
    names = field.split(" and ")
    short = []
    for name in names[:6]:
        family, _, given = name.partition(", ")
        initials = "".join(re.findall(r"(?:^|[\s-])(\w)", given))
        short.append("et al." if name == "others" else f"{family} {initials}".strip())
    if len(names) > 6:
        short.append("et al.")
    return ", ".join(short)


def _done(records: Iterable[Record]) -> list[Record]:
    """Return the images that were denoised, in this run or an earlier one."""
    return [record for record in records if record.quality and record.method]


def _keys(done: Sequence[Record]) -> list[str]:
    keys = list(ALWAYS_CITED)
    for record in done:
        denoiser = DENOISERS.get(record.method)
        keys += denoiser.citations if denoiser else ()
        keys += _law_citations(record)
    if any(record.datatype == "func" for record in done):
        keys.append("power2012")
    if any(_has_connectome(record) for record in done):
        keys += CITED_OF_CONNECTOMES
        keys += PARCELLED if any(_is_geometric(record) for record in done) else ()
    keys += CITED_OF_ANATOMY if any("files" in record.anatomy for record in done) else ()
    if any("grey_denoised" in record.anatomy.get("files", {}) for record in done):
        keys += CITED_OF_TEMPLATES
    return keys


def _law_citations(record: Record) -> tuple[str, ...]:
    if record.noise.get("law") != "rician":
        return ()
    stabilised = _is_stabilised(record)
    return ("gudbjartsson1995", "koay2006", "luisier2012", *(("foi2011",) if stabilised else ()))


def _is_stabilised(record: Record) -> bool:
    """Say whether the data was stabilised: around the denoiser, or by one that cites how."""
    denoiser = DENOISERS.get(record.method)
    if denoiser is None:
        return False
    return record.noise.get("law") not in denoiser.laws or "foi2011" in denoiser.citations


def _cite(*keys: str) -> str:
    return "; ".join(library()[key].short for key in keys)


def _noise_paragraph(done: Sequence[Record]) -> list[str]:
    if not done:
        return []
    laws = Counter(str(record.noise.get("law", "unknown")) for record in done)
    names = {"rician": "Rician", "gaussian": "Gaussian", "nc-chi": "non-central chi"}
    found = " and ".join(
        f"{names.get(law, law)} in {_images(count)}" for law, count in sorted(laws.items())
    )
    cited = f" ({_cite('gudbjartsson1995')})" if laws["rician"] else ""
    text = (
        "The noise of each image was estimated from the image alone, as a map of its standard "
        f"deviation together with its law{cited}: {found}."
    )
    known = sum(record.noise.get("method") == "given" for record in done)
    if known:
        text += (
            f" In {_images(known)} the map was known instead, from a scan without excitation or "
            "from another dataset."
        )
    return [text]


def _groups(done: Sequence[Record]) -> list[list[Record]]:
    """Return the records that were treated alike: same method, parameters and noise law."""
    groups: dict[tuple[str, ...], list[Record]] = {}
    for record in done:
        values = sorted((name, str(value)) for name, value in record.parameters.items())
        law = str(record.noise.get("law"))
        groups.setdefault((record.method, law, str(values)), []).append(record)
    return [groups[key] for key in sorted(groups)]


def _method_paragraph(group: Sequence[Record]) -> str:
    first = group[0]
    suffixes = Counter(record.suffix for record in group)
    what = ", ".join(f"{count} {suffix}" for suffix, count in sorted(suffixes.items()))
    denoiser = DENOISERS.get(first.method)
    about = f" ({denoiser.summary}; {_cite(*denoiser.citations)})" if denoiser else ""
    text = f"{_images(len(group)).capitalize()} ({what}) went through {first.method}{about}"
    settings = _settings(group)
    text += f", with {settings}." if settings else "."
    if _is_stabilised(first) and first.noise.get("law") == "rician":
        text += (
            " The variance of the Rician data was stabilised before, and the result brought back "
            f"by the exact unbiased inverse ({_cite('foi2011')})."
        )
    return text


def _settings(group: Sequence[Record]) -> str:
    """Return the parameters of records that share them; what the method chose goes before."""
    denoiser = DENOISERS.get(group[0].method)
    units = {each.name: each.unit for each in parameters(denoiser)} if denoiser else {}
    parts = []
    for name, value in group[0].parameters.items():
        chosen = sorted({str(each.choices[name]) for each in group if name in each.choices})
        told = " or ".join(chosen) if chosen else str(value)
        own = " (chosen for each image)" if chosen and chosen != [str(value)] else ""
        unit = f" {units[name]}" if units.get(name) else ""
        parts.append(f"{name.replace('_', ' ')} {told}{unit}{own}")
    return ", ".join(parts)


def _quality_paragraph(done: Sequence[Record]) -> list[str]:
    if not done:
        return []
    gain = (
        "The gain of peak signal-to-noise ratio was estimated without a reference by Monte-Carlo "
        f"SURE ({_cite('stein1981', 'ramani2008')}"
    )
    if any(record.noise.get("law") == "rician" for record in done):
        gain += f"; for the Rician law as in {_cite('luisier2012', 'koay2006')}"
    text = (
        f"{gain}). What was removed was tested for structure: its standard deviation relative to "
        "the noise, its autocorrelation, its correlation with the image and with its edges, and "
        "the width of edges before and after. Signal and contrast to noise follow MRIQC "
        f"({_cite('esteban2017')}), with tissue classes by intensity."
    )
    if any(record.datatype == "func" for record in done):
        text += f" DVARS is that of {_cite('power2012')}."
    return [text]


def _has_connectome(record: Record) -> bool:
    return "parcels" in record.connectome


def _is_geometric(record: Record) -> bool:
    return _has_connectome(record) and record.connectome["atlas"] == "auto"


def _connectome_paragraph(done: Sequence[Record]) -> list[str]:
    made = [record for record in done if _has_connectome(record)]
    if not made:
        return []
    sources = sorted({str(record.connectome["source"]) for record in made})
    cleaning = sorted({str(record.connectome["cleaning"]) for record in made})
    cited = f" ({_cite(*PARCELLED)})" if any(_is_geometric(record) for record in made) else ""
    return [
        f"Functional connectomes of {_images(len(made))} were made of the original and of the "
        f"denoised image, by the same parcels: {'; '.join(sources)}{cited}. Of the mean time "
        f"series of each parcel ({'; '.join(cleaning)}), the Pearson correlation was taken, and "
        f"the partial correlation from a shrunk covariance ({_cite('ledoit2004')}), with nilearn "
        f"({_cite('abraham2014')}). The halves of each run were compared by their edges, and by "
        f"the share of parcels that are known again by them, after {_cite('finn2015')}."
    ]


def _anatomy_paragraph(done: Sequence[Record]) -> list[str]:
    made = [record for record in done if "files" in record.anatomy]
    if not made:
        return []
    brains = sorted({str(record.anatomy["brain"]) for record in made})
    text = (
        f"The brain was found in {_images(len(made))} ({'; '.join(brains)}; cf. "
        f"{_cite('hoopes2022')}). In the original and in the denoised image, with the same brain "
        "mask, bias field and tissues were estimated together by expectation maximisation with a "
        f"Markov random field (cf. {_cite('ashburner2005', 'zhang2001')})."
    )
    sources = {
        str(r.anatomy["template_source"]) for r in made if "grey_denoised" in r.anatomy["files"]
    }
    if sources:
        text += (
            f" Their tissues were brought to a template ({'; '.join(sorted(sources))}) by an "
            f"affine and a diffeomorphic mapping ({_cite('vercauteren2009')}) with SimpleITK "
            f"({_cite('lowekamp2013')}), and grey matter was modulated by the Jacobian determinant "
            f"({_cite('ashburner2000')})."
        )
    return [text]


def _images(count: int) -> str:
    return f"{count} image{'' if count == 1 else 's'}"
