import re

import pytest

from bids_denoise.denoisers import DENOISERS
from bids_denoise.report.methods import (
    bibliography,
    library,
    methods_paragraphs,
    methods_text,
    references,
)
from tests.report.records import make_record


@pytest.mark.parametrize("name", DENOISERS)
def test_what_a_denoiser_cites_is_known(name: str) -> None:
    assert set(DENOISERS[name].citations) <= library().keys()


@pytest.mark.parametrize("key", library())
def test_papers_are_whole(key: str) -> None:
    paper = library()[key]
    assert re.fullmatch(r"10\.\d{4,5}/\S+", paper.doi)
    assert re.fullmatch(r"@\w+\{.*\n\}", paper.bibtex, flags=re.DOTALL)
    assert paper.bibtex.count("{") == paper.bibtex.count("}")
    assert re.search(r", (19|20)\d\d$", paper.short)


def test_dois_are_unique() -> None:
    dois = [each.doi for each in library().values()]
    assert len(dois) == len(set(dois))


@pytest.mark.parametrize("law", ["gaussian", "rician", "nc-chi"])
@pytest.mark.parametrize("name", DENOISERS)
@pytest.mark.parametrize("datatype", ["anat", "func", "dwi"])
def test_everything_named_in_the_text_is_listed(name: str, law: str, datatype: str) -> None:
    noise = {**make_record().noise, "law": law}
    records = [make_record(method=name, noise=noise, datatype=datatype)]
    text = " ".join(methods_paragraphs(records))
    listed = {each.short for each in references(records)}
    named = {each.short for each in library().values() if each.short in text}
    assert named <= listed
    assert {library()[key].short for key in DENOISERS[name].citations} <= named


def test_parameters_and_choices_are_told() -> None:
    text = methods_text([make_record()])
    assert "search radius 3 voxels" in text
    assert "h 0.5 sigma" in text
    assert "passes 2 (chosen for each image)" in text


def test_stabilisation_is_told_where_it_was_done() -> None:
    told = "variance of the Rician data was stabilised"
    gaussian = {**make_record().noise, "law": "gaussian"}
    assert told in methods_text([make_record()])
    assert told not in methods_text([make_record(noise=gaussian)])
    assert told not in methods_text([make_record(method="mppca", parameters={})])


def test_noise_that_was_known_is_told() -> None:
    told = "In 1 image the map was known instead"
    given = {**make_record().noise, "method": "given"}
    assert told in methods_text([make_record(noise=given)])
    assert told not in methods_text([make_record()])


def test_order_does_not_matter() -> None:
    records = [make_record(), make_record("sub-01/func/sub-01_bold.nii.gz", method="mppca")]
    assert methods_text(records) == methods_text(records[::-1])
    assert bibliography(records) == bibliography(records[::-1])


def test_the_bibliography_holds_what_the_text_lists() -> None:
    records = [make_record()]
    dois = re.findall(r"doi = \{(.*)\}", bibliography(records))
    assert sorted(dois) == sorted(re.findall(r"https://doi.org/(.*)>", methods_text(records)))


def test_nothing_done_or_a_method_of_another_version_is_no_fault() -> None:
    assert "gorgolewski2017" in bibliography([])
    assert "went through wavelets" in methods_text([make_record(method="wavelets")])
