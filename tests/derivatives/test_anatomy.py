"""The files of an anatomy: their names, what stands beside them, and on which grid they lie."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bids_denoise.anatomy.brain import Brain
from bids_denoise.anatomy.person import Anatomy, Segmented
from bids_denoise.anatomy.template import Template
from bids_denoise.anatomy.tissues import Tissues
from bids_denoise.derivatives.anatomy import lookup_table, volumes
from bids_denoise.derivatives.names import Layout
from bids_denoise.values import Scan

SHAPE = (4, 5, 6)
OUT = Path("/out")
LAYOUT = Layout(OUT, OUT, rawlike=False)
TINY = Template("tiny", np.ones((3, 3, 3), np.float32), None, np.diag([2.0, 2, 2, 1]), "of a test")


def segmented(label: int, grey: bool) -> Segmented:
    labels = np.full(SHAPE, label, np.uint8)
    maps = np.stack([np.full(SHAPE, share, np.float32) for share in (0.2, 0.3, 0.5)])
    tissues = Tissues(maps, labels, np.ones(SHAPE, np.float32), np.ones(3), np.ones(3), 1)
    return Segmented(tissues, {}, None, np.ones((3, 3, 3), np.float32) if grey else None)


def anatomy(template: Template | None) -> Anatomy:
    brain = Brain(np.ones(SHAPE, np.bool_), "network")
    before, after = (segmented(label, template is not None) for label in (1, 2))
    return Anatomy(brain, template, before, after)


def scan(suffix: str) -> Scan:
    path = Path(f"/in/sub-01/anat/sub-01_{suffix}.nii.gz")
    return Scan(path, Path("/in"), "anat", suffix, {"sub": "01"})


@pytest.mark.parametrize(("suffix", "end"), [("T1w", ""), ("T2w", "T2w")])
def test_a_t2w_has_names_of_its_own(suffix: str, end: str) -> None:
    made = {each.name: each for each in volumes(anatomy(TINY), scan(suffix), LAYOUT)}
    assert made["brain"].path.name == f"sub-01_desc-brain{end}_mask.nii.gz"
    assert made["CSF_denoised"].path.name == f"sub-01_label-CSF_desc-denoised{end}_probseg.nii.gz"
    assert made["grey_original"].path.name == (
        f"sub-01_space-tiny_label-GM_desc-original{end}Modulated_probseg.nii.gz"
    )
    assert len({each.path for each in made.values()}) == len(made) == 11
    assert {name for name, each in made.items() if each.affine is not None} == {
        "grey_original", "grey_denoised"
    }  # fmt: skip
    assert made["tissues_original"].data.max() == 1
    assert made["tissues_denoised"].data.max() == 2
    assert made["grey_denoised"].sidecar["SpatialReference"] == "of a test"
    for each in made.values():
        assert each.sidecar["Sources"] == [f"bids:input:sub-01/anat/sub-01_{suffix}.nii.gz"]
    assert made["brain"].sidecar["Type"] == "Brain"


def test_without_a_template_there_is_no_grey_matter_in_one() -> None:
    names = [each.name for each in volumes(anatomy(None), scan("T1w"), LAYOUT)]
    assert len(names) == 9
    assert not [name for name in names if name.startswith("grey")]


def test_labels_are_those_of_bids() -> None:
    assert lookup_table().splitlines()[1:] == [
        "1\tgrey matter\tGM", "2\twhite matter\tWM", "3\tcerebrospinal fluid\tCSF"
    ]  # fmt: skip
