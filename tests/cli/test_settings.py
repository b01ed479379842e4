from pathlib import Path

import pytest

from bids_denoise.cli.parser import parse
from bids_denoise.cli.settings import settings_from
from bids_denoise.errors import BidsDenoiseError
from bids_denoise.values import Comparison, Filters, Settings


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


def read(*words: object) -> Settings:
    command = [str(word) for word in words]
    return settings_from(parse(command), command)


def refused(*words: object) -> list[tuple[int, str]]:
    """Return exit code and sentence of everything that a command is refused for."""
    try:
        read(*words)
    except ExceptionGroup as group:
        found = [each for each in group.exceptions if isinstance(each, BidsDenoiseError)]
    except BidsDenoiseError as error:
        found = [error]
    else:
        found = []
    return [(each.exit_code, str(each)) for each in found]


def test_what_is_not_given_has_its_default(data: Path) -> None:
    settings = read(data, data.parent / "out", "participant")
    assert settings.bids_dir == data
    assert settings.levels == ("participant",)
    assert settings.filters == Filters()
    assert settings.nprocs >= 1
    assert settings.memory > 2**20
    assert settings.command[0] == "bids-denoise"
    assert settings.work_dir is None


def test_relative_paths_are_made_absolute(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(data.parent)
    settings = read("data", "out", "participant", "-w", "work")
    assert (settings.bids_dir, settings.work_dir) == (data, data.parent / "work")


def test_links_in_the_input_stay(data: Path) -> None:
    link = data.parent / "link"
    link.symlink_to(data)
    assert read(link, data.parent / "out", "participant").bids_dir == link


def test_both_levels_run_in_their_order(data: Path) -> None:
    assert read(data, data.parent / "out", "group", "participant").levels == (
        "participant",
        "group",
    )


def test_labels_lose_their_prefix_and_stay_text(data: Path) -> None:
    filters = read(
        data, data.parent / "out", "participant",
        "--participant-label", "sub-01", "02", "sub-01",
        "--session-id", "ses-1", "-t", "task-rest", "--run-id", "run-01", "2",
        "-m", "T1w", "bold",
    ).filters  # fmt: skip
    assert filters == Filters(
        participants=("01", "02"),
        sessions=("1",),
        tasks=("rest",),
        runs=("01", "2"),
        modalities=("T1w", "bold"),
    )


@pytest.mark.parametrize("word", ["@{}", "{}"])
def test_labels_come_from_a_file(data: Path, word: str) -> None:
    table = data.parent / "participants.tsv"
    table.write_text("participant_id\tage\nsub-01\t30\n\n# left out\nsub-02\t31\n")
    settings = read(
        data, data.parent / "out", "participant", "--participant-label", word.format(table), "03"
    )
    assert settings.filters.participants == ("01", "02", "03")


def test_a_file_of_filters(data: Path) -> None:
    path = data.parent / "filters.json"
    path.write_text('{"t1w": {"acquisition": null, "reconstruction": "Query.NONE", "run": 1}}')
    settings = read(data, data.parent / "out", "participant", "--bids-filter-file", path)
    assert settings.filters.by_suffix == {
        "t1w": {"acquisition": None, "reconstruction": None, "run": 1}
    }


@pytest.mark.parametrize(
    ("flag", "content", "code", "said"),
    [
        ("--participant-label", None, 66, "No such file"),
        ("--participant-label", b"# none\n", 64, "no label in"),
        ("--participant-label", b"\xff\xfe\x00", 64, "not a text file"),
        ("--participant-label", b"sub-01_a", 64, "'sub-01_a' is not a BIDS label"),
        ("--bids-filter-file", None, 66, "No such file"),
        ("--bids-filter-file", b"{", 64, "is not JSON"),
        ("--bids-filter-file", b"[]", 64, "or the like is expected"),
        ("--bids-filter-file", b'{"t1": {}}', 64, "'t1' is no group of images"),
    ],
)
def test_files_that_cannot_be_used(
    data: Path, flag: str, content: bytes | None, code: int, said: str
) -> None:
    path = data.parent / "words.txt"
    if content is not None:
        path.write_bytes(content)
    ((found, text),) = refused(data, data.parent / "out", "participant", flag, path)
    assert found == code
    assert said in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--participant-label", "0_1"], "'0_1' is not a BIDS label"),
        (["--run-id", "one"], "'one' is not a number"),
        (["-m", "T1"], "--modalities 'T1': allowed are"),
        (["--method", "gaussian", "--mppca-window", "5"], "--mppca-window: of no effect with"),
        (["-q", "-v"], "exclude each other"),
    ],
)
def test_values_that_make_no_sense(data: Path, words: list[str], said: str) -> None:
    ((code, text),) = refused(data, data.parent / "out", "participant", *words)
    assert code == 64
    assert said in text


def test_parameters_in_a_config_may_be_of_another_method(data: Path) -> None:
    path = data.parent / "all.toml"
    path.write_text("[mppca]\nwindow = 5")
    settings = read(
        data, data.parent / "out", "participant", "--method", "gaussian", "--config-file", path
    )
    assert settings.parameters == {"mppca": {"window": 5}}


def test_named_and_bare_derivatives(data: Path) -> None:
    (data / "dataset_description.json").write_text('{"GeneratedBy": [{"Name": "fMRIPrep 24"}]}')
    bare = data.parent / "masks"
    bare.mkdir()
    settings = read(data, data.parent / "out", "participant", "-d", f"own={data}", data, bare)
    assert settings.derivatives == {"own": data, "fmriprep-24": data, "masks": bare}


def test_derivatives_that_are_not_there_or_twice(data: Path) -> None:
    ((code, _),) = refused(data, data.parent / "out", "participant", "-d", "a=/none")
    assert code == 66
    ((code, text),) = refused(
        data, data.parent / "out", "participant", "-d", f"a={data}", f"a={data}"
    )
    assert (code, "twice" in text) == (64, True)


def test_missing_arguments_are_named_with_the_likely_cause() -> None:
    ((code, text),) = refused()
    assert code == 64
    assert "missing: BIDS_DIR OUTPUT_DIR LEVEL" in text
    ((_, text),) = refused("--participant-label", "01", "02")
    assert "--participant-label takes every word" in text


@pytest.mark.parametrize(
    ("output", "code"),
    [("", 64), ("sub", 64), ("sub/derivatives", 64), ("derivatives", 64), ("derivatives/a", 0)],
)
def test_where_results_may_lie_within_the_input(data: Path, output: str, code: int) -> None:
    found = refused(data, data / output, "participant")
    assert [each for each, _ in found] == ([code] if code else [])


def test_an_output_above_the_input_is_fine(data: Path) -> None:
    assert not refused(data, data.parent, "participant")


def test_a_link_does_not_hide_that_output_is_input(data: Path) -> None:
    link = data.parent / "link"
    link.symlink_to(data)
    assert refused(data, link, "participant")[0][0] == 64


@pytest.mark.parametrize("work", ["data", "data/work", "out"])
def test_where_the_work_folder_may_not_lie(data: Path, work: str) -> None:
    ((code, text),) = refused(data, data.parent / "out", "participant", "-w", data.parent / work)
    assert code == 64
    assert "--work-dir" in text


def test_an_input_that_is_not_there_or_a_file(data: Path) -> None:
    assert refused(data / "none", data.parent / "out", "participant")[0][0] == 66
    (data / "file").touch()
    assert refused(data / "file", data.parent / "out", "participant")[0][0] == 16


def test_an_input_that_may_not_be_read(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("os.scandir", closed)
    ((code, text),) = refused(data, data.parent / "out", "participant")
    assert (code, "Permission denied" in text) == (66, True)


def test_the_group_level_needs_no_input_and_makes_no_folder(data: Path) -> None:
    out = data.parent / "out"
    assert not refused(data / "none", out, "group")
    assert not out.exists()
    assert not refused(out, out, "group")


def test_an_output_that_cannot_be_made(data: Path) -> None:
    (data.parent / "file").touch()
    assert refused(data, data.parent / "file", "participant")[0][0] == 73
    assert refused(data, data.parent / "file" / "out", "participant")[0][0] == 73


def test_a_dry_run_makes_no_folder(data: Path) -> None:
    out = data.parent / "out"
    read(data, out, "participant", "--dry-run")
    assert not out.exists()
    read(data, out, "participant")
    assert out.is_dir()


def test_a_refused_command_makes_no_folder(data: Path) -> None:
    assert refused(data, data.parent / "out", "participant", "--nprocs", "0")
    assert not (data.parent / "out").exists()


def test_what_is_asked_of_the_group_is_kept(data: Path) -> None:
    table = data / "participants.tsv"
    table.write_text("participant_id\n")
    words = "--group-column group --patient depr --control control --covariates age sex"
    more = "--outcome-column mrs --good-outcome 0 1 2 --score-column thrive --permutations 100"
    settings = read(data, data, "group", *words.split(), *more.split(), "--external", table)
    assert settings.comparison == Comparison(
        group_column="group",
        patient="depr",
        control="control",
        covariates=("age", "sex"),
        permutations=100,
        outcome_column="mrs",
        good_outcome=("0", "1", "2"),
        score_column="thrive",
        external=str(table),
    )


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        ("--group-column g --patient p", 64, "--patient and --control are needed together"),
        ("--patient p --control c", 64, "--patient and --control need --group-column"),
        ("--group-column g --patient p --control p", 64, "are both 'p'"),
        ("--outcome-column o", 64, "--outcome-column and --good-outcome are needed together"),
        ("--score-column s", 64, "--score-column: of no effect without --outcome-column"),
        ("--outcome-column o --good-outcome 1 --external x", 64, "neither COLUMN=VALUE nor"),
        ("--outcome-column o --good-outcome 1 --external no/x.tsv", 66, "no folder or table"),
        ("--features vbm hair", 64, "'hair' is not one of vbm, volumes, connectome, qc"),
        ("--template no/where.nii", 66, "--template: there is no file"),
    ],
)
def test_what_makes_no_sense_for_the_group_is_refused(
    data: Path, words: str, code: int, sentence: str
) -> None:
    found = refused(data, data, "group", *words.split())
    assert [each[0] for each in found] == [code]
    assert sentence in found[0][1]
