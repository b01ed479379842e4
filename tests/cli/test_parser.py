import pytest

from bids_denoise.cli.option import Option
from bids_denoise.cli.options import by_name, options
from bids_denoise.cli.parser import parse

POSITIONALS = ["/data", "/out", "participant"]


def values_of(*words: str) -> dict[str, object]:
    given = parse(words)
    assert not given.problems
    return dict(given.values)


def complaints(*words: str) -> str:
    return "\n".join(str(problem) for problem in parse(words).problems)


def test_positionals_may_stand_around_the_options() -> None:
    expected = {
        "bids_dir": "/data",
        "output_dir": "/out",
        "analysis_level": ("participant", "group"),
        "overwrite": True,
        "nprocs": 3,
    }
    assert values_of("/data", "--overwrite", "/out", "--nprocs", "3", "participant", "group") == (
        expected
    )
    assert values_of("--nprocs=3", "--overwrite", "/data", "/out", "participant", "group") == (
        expected
    )


def test_a_double_dash_ends_a_list() -> None:
    given = values_of("--participant-label", "01", "02", "--", *POSITIONALS)
    assert given["participant_label"] == ("01", "02")
    assert given["bids_dir"] == "/data"


def test_a_list_may_be_given_in_parts() -> None:
    assert values_of("-t", "rest", "--task-id", "nback")["task_id"] == ("rest", "nback")


@pytest.mark.parametrize("option", options(), ids=lambda option: option.name)
def test_every_spelling_reaches_its_option(option: Option) -> None:
    for spelling in option.spellings:
        if option.takes_value:
            assert f"{option.flag} needs" in complaints(spelling)
        else:
            assert option.name in values_of(spelling)


@pytest.mark.parametrize(
    "spelling",
    [
        "--participant_label", "--participant-labels", "--participant_labels",
        "--session-id", "--session_id", "--n_cpus", "--n-cpus", "--n_procs", "--nthreads",
        "--mem_mb", "--mem-gb", "--omp_nthreads", "--skip_bids_validation", "--notrack", "-w", "-d",
        "-m", "-q",
    ],
)  # fmt: skip
def test_spellings_of_sister_apps_are_taken(spelling: str) -> None:
    assert "unknown" not in complaints(*POSITIONALS, spelling)


def test_all_problems_are_told_at_once() -> None:
    text = complaints("/data", "/out", "everyone", "--nprocs", "two", "--mem", "8", "--fast")
    assert "--nprocs: 'two' is not a whole number" in text
    assert "--mem: '8' is not a size with its unit" in text
    assert "unknown option --fast" in text


def test_an_unknown_option_names_its_neighbours() -> None:
    assert "did you mean --participant-label" in complaints(*POSITIONALS, "--particpant-label=01")


def test_abbreviations_are_not_guessed() -> None:
    assert "unknown option --over" in complaints(*POSITIONALS, "--over")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--work-dir"], "--work-dir needs a FOLDER"),
        (["--participant-label"], "--participant-label needs at least one LABEL"),
        (["--overwrite=yes"], "--overwrite takes no value"),
        (["--mem", "8G", "--mem-gb", "8"], "--mem and --mem-gb: only one of them"),
        (["--random-seed", "-1"], "--random-seed: -1 is not between 0 and 4294967295"),
        (["--random-seed", "1.5"], "'1.5' is not a whole number"),
        (["--method", "nml"], "'nml' is not one of auto"),
        (["--device", "gpu"], "'gpu' is none of auto, cpu, cuda and cuda:N"),
        (["--output-dtype", "int8"], "'int8' is not one of float32, source"),
        (["-qx"], "ignored explicit argument 'x'"),
    ],
)
def test_a_wrong_value_is_named_with_its_option(words: list[str], said: str) -> None:
    assert said in complaints(*POSITIONALS, *words)


def test_an_unknown_level_has_its_own_code() -> None:
    (problem,) = parse(["/data", "/out", "subject"]).problems
    assert problem.exit_code == 17


@pytest.mark.parametrize(
    ("words", "size"),
    [
        (["--mem", "8G"], 8 * 1024**3),
        (["--mem", "1.5GB"], 3 * 512 * 1024**2),
        (["--mem", "800 MiB"], 800 * 1024**2),
        (["--mem-mb", "512"], 512 * 1024**2),
        (["--mem_gb", "0.5"], 512 * 1024**2),
    ],
)
def test_memory_is_read_with_its_unit(words: list[str], size: int) -> None:
    assert values_of(*words)["mem"] == size


@pytest.mark.parametrize("size", ["8", "G", "-1G", "8 X", "0G", "1e3M", "8GG"])
def test_memory_without_a_clear_size_is_refused(size: str) -> None:
    assert "--mem" in complaints(f"--mem={size}")


def test_parameters_of_denoisers_have_the_range_of_their_fields() -> None:
    assert values_of("--gaussian-fwhm", "3")["gaussian_fwhm"] == 3.0
    assert "is not between 0.5 and 10" in complaints("--gaussian-fwhm", "11")
    assert by_name()["gaussian_fwhm"].denoiser == "gaussian"


def test_names_and_flags_are_unique() -> None:
    names = [each.name for each in options()]
    flags = [flag for each in options() for flag in each.spellings]
    assert len(set(names)) == len(names)
    assert len(set(flags)) == len(flags)


def test_verbosity_is_counted() -> None:
    assert values_of("-vv", "--verbose")["verbose"] == 3
