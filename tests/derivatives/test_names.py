from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bids_denoise.derivatives.names import (
    Layout,
    beside,
    derived_file,
    outputs_of,
    predictions_table,
    repeated,
    scans_table,
)
from bids_denoise.values import Scan

OUT = Path("/out")
DERIVATIVES = Layout(OUT, OUT, rawlike=False)
RAWLIKE = Layout(OUT, OUT / "derivatives" / "bids-denoise-qc", rawlike=True)


def scan_of(name: str, datatype: str) -> Scan:
    *pairs, suffix = name.split("_")
    entities = dict(pair.split("-") for pair in pairs)
    return Scan(Path(f"/in/{name}.nii.gz"), Path("/in"), datatype, suffix, entities)


@pytest.mark.parametrize(
    ("source", "datatype", "expected"),
    [
        ("sub-01_T1w", "anat", "sub-01/anat/sub-01_desc-denoised_T1w"),
        (
            "sub-01_ses-a_task-rest_run-2_echo-1_part-mag_bold",
            "func",
            "sub-01/ses-a/func/sub-01_ses-a_task-rest_run-2_echo-1_part-mag_desc-denoised_bold",
        ),
        (
            "sub-01_space-MNI152NLin2009cAsym_desc-preproc_T1w",
            "anat",
            "sub-01/anat/sub-01_space-MNI152NLin2009cAsym_desc-preprocDenoised_T1w",
        ),
    ],
)
def test_the_source_name_is_kept_and_described(source: str, datatype: str, expected: str) -> None:
    outputs = outputs_of(scan_of(source, datatype), DERIVATIVES)
    assert outputs.image == OUT / f"{expected}.nii.gz"
    assert beside(outputs.image, ".json") == OUT / f"{expected}.json"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("sub-01_T1w", "sub-01_rec-denoised_T1w"),
        ("sub-01_acq-x_dir-AP_run-1_bold", "sub-01_acq-x_rec-denoised_dir-AP_run-1_bold"),
        ("sub-01_rec-A_T1w", "sub-01_rec-ADenoised_T1w"),
    ],
)
def test_rawlike_puts_rec_in_its_place(source: str, expected: str) -> None:
    outputs = outputs_of(scan_of(source, "func"), RAWLIKE)
    assert outputs.image == OUT / "sub-01/func" / f"{expected}.nii.gz"
    assert outputs.record.is_relative_to(RAWLIKE.qc)


def test_maps_and_record_do_not_answer_queries_for_images() -> None:
    outputs = outputs_of(scan_of("sub-01_T1w", "anat"), DERIVATIVES)
    assert outputs.noise_map.name == "sub-01_stat-std_desc-noise_T1wmap.nii.gz"
    assert outputs.uncertainty_map.name == "sub-01_stat-std_desc-denoised_T1wmap.nii.gz"
    assert outputs.record.name == "sub-01_desc-denoisedT1w_qc.json"
    assert scans_table("01", "a", OUT) == OUT / "sub-01/ses-a/sub-01_ses-a_scans.tsv"


labels = st.text("abcXYZ019", min_size=1, max_size=6)


@settings(derandomize=True, max_examples=60)
@given(st.dictionaries(st.sampled_from(["acq", "rec", "run", "desc"]), labels), labels, labels)
def test_different_sources_never_share_a_name(
    extra: dict[str, str], first: str, second: str
) -> None:
    """Whatever the labels, two sources are written to two names."""
    one, two = (
        Scan(Path(), Path(), "anat", "T1w", {"sub": "1", "acq": label, **extra})
        for label in (first, second)
    )
    for layout in (DERIVATIVES, RAWLIKE):
        same = outputs_of(one, layout).image == outputs_of(two, layout).image
        assert same == (one.entities == two.entities)


@pytest.mark.parametrize(
    ("source", "added", "label", "expected"),
    [
        ("sub-01_T1w", {}, "brain", "sub-01_desc-brain_x.tsv"),
        (
            "sub-01_ses-a_run-2_desc-preproc_T1w",
            {"space": "MNI", "label": "GM"},
            "denoisedModulated",
            "sub-01_ses-a_run-2_space-MNI_label-GM_desc-preprocDenoisedModulated_x.tsv",
        ),
        ("sub-01_space-own_T1w", {"space": "MNI"}, "brain", "sub-01_space-MNI_desc-brain_x.tsv"),
        ("sub-01_task-rest_bold", {"seg": "tiny"}, "", "sub-01_task-rest_seg-tiny_x.tsv"),
    ],
)
def test_what_is_made_of_an_image_is_named_after_it(
    source: str, added: dict[str, str], label: str, expected: str
) -> None:
    path = derived_file(scan_of(source, "anat"), RAWLIKE, added, "x.tsv", label)
    assert path.name == expected
    assert path.is_relative_to(RAWLIKE.qc / "sub-01")
    assert path.parent.name == "anat"


def test_sessions_and_runs_repeat_an_image_and_nothing_else_does() -> None:
    same = ["sub-01_T1w", "sub-01_run-02_T1w", "sub-01_ses-prerun_run-1_T1w"]
    other = ["sub-02_T1w", "sub-01_acq-a_T1w", "sub-01_echo-1_T1w", "sub-01_T2w"]
    assert {repeated(f"sub-01/anat/{name}.nii.gz") for name in same} == {"sub-01_T1w"}
    assert len({repeated(name) for name in other} | {"sub-01_T1w"}) == 5


def test_predictions_are_a_phenotype_of_those_in_the_dataset(tmp_path: Path) -> None:
    (tmp_path / "sub-1").mkdir()
    inside = predictions_table("dx", ["sub-1"], tmp_path)
    outside = predictions_table("dx", ["sub-1", "sub-2"], tmp_path)
    assert inside == tmp_path / "phenotype" / "predicted_dx.tsv"
    assert outside == tmp_path / "group" / "predicted_dx.tsv"
