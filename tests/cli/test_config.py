import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as example_settings
from hypothesis import strategies as st

from bids_denoise.cli.config import effective_toml, read_config
from bids_denoise.cli.given import Given
from bids_denoise.cli.settings import settings_from
from bids_denoise.values import Settings


def config(folder: Path, text: str, name: str = "run.toml") -> Given:
    path = folder / name
    path.write_text(text)
    return read_config(path)


def test_keys_in_any_spelling_and_tables_of_denoisers(tmp_path: Path) -> None:
    text = """
    participant-label = ["01", "02"]
    session_label = "a"
    mem = "2G"
    overwrite = true
    verbose = 2
    [gaussian]
    fwhm = 3
    """
    assert config(tmp_path, text) == Given(
        {
            "participant_label": ("01", "02"),
            "session_label": ("a",),
            "mem": 2 * 1024**3,
            "overwrite": True,
            "verbose": 2,
            "gaussian_fwhm": 3.0,
        }
    )


def test_a_boutiques_invocation_is_a_config(tmp_path: Path) -> None:
    invocation = {
        "InputDataset": "/data",
        "OutputLocation": "/out",
        "AnalysisLevel": ["participant"],
        "SubjectLabel": ["01"],
        "GaussianFwhm": 2.5,
        "Overwrite": False,
    }
    assert config(tmp_path, json.dumps(invocation), "run.json").values == {
        "bids_dir": "/data",
        "output_dir": "/out",
        "analysis_level": ("participant",),
        "participant_label": ("01",),
        "gaussian_fwhm": 2.5,
        "overwrite": False,
    }


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("nproc = 2", 64, r"unknown option nproc in .*did you mean nprocs"),
        ("[gaussian]\nfhwm = 2", 64, r"unknown option gaussian_fhwm.*gaussian_fwhm"),
        ("nprocs = 'many'", 64, r"nprocs in .*run.toml: 'many' is not a whole number"),
        ("nprocs = true", 64, "True is not a whole number"),
        ("overwrite = 1", 64, "1 is not true or false"),
        ("verbose = 'very'", 64, "'very' is not a whole number"),
        ("mem = 8", 64, "'8' is not a size with its unit"),
        ("mem_gb = 2\nmem = '2G'", 64, "mem is already given another way"),
        ("analysis_level = ['everyone']", 17, "'everyone' is not one of participant, group"),
        ("work_dir = ['a', 'b']", 64, "work_dir in .* needs a FOLDER"),
        ("[nprocs]\na = 1", 64, "nprocs in .* needs a N"),
        ("help = true", 64, "unknown option help"),
        ("nprocs = ", 64, "cannot be read"),
    ],
)
def test_what_is_wrong_in_a_config(tmp_path: Path, text: str, code: int, said: str) -> None:
    (problem,) = config(tmp_path, text).problems
    assert problem.exit_code == code
    with pytest.raises(type(problem), match=said):
        raise problem


def test_a_config_that_is_not_there(tmp_path: Path) -> None:
    (problem,) = read_config(tmp_path / "none.toml").problems
    assert problem.exit_code == 66


def test_a_config_that_is_a_list(tmp_path: Path) -> None:
    (problem,) = config(tmp_path, "[1]", "run.json").problems
    assert "options by name" in str(problem)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    (root / "input").mkdir()
    return root


def settings(root: Path, values: dict[str, object]) -> Settings:
    places = {"bids_dir": str(root / "input"), "output_dir": str(root / "output")}
    return settings_from(Given({**places, "analysis_level": ("participant",), **values}), ())


LABELS = st.lists(st.from_regex("[0-9A-Za-z]{1,6}", fullmatch=True), min_size=1, max_size=3)
GIVEN = st.fixed_dictionaries(
    {},
    optional={
        "participant_label": LABELS.map(tuple),
        "exclude_participant_label": LABELS.map(tuple),
        "session_label": LABELS.map(tuple),
        "task_id": LABELS.map(tuple),
        "run_id": st.lists(st.integers(0, 99).map(str), min_size=1).map(tuple),
        "modalities": st.just(("T1w", "bold")),
        "bids_filter_file": st.just({"t1w": {"acquisition": None, "run": [1, 2]}}),
        "method": st.just("auto"),
        "device": st.sampled_from(["cpu", "cuda:1"]),
        "random_seed": st.integers(0, 2**32 - 1),
        "nprocs": st.integers(1, 64),
        "omp_nthreads": st.integers(1, 64),
        "mem": st.integers(1, 2**45),
        "low_mem": st.booleans(),
        "output_layout": st.sampled_from(["derivatives", "rawlike"]),
        "output_dtype": st.sampled_from(["float32", "source"]),
        "write_residual": st.booleans(),
        "overwrite": st.booleans(),
        "bids_database_wipe": st.booleans(),
        "log_format": st.sampled_from(["text", "json"]),
        "gaussian_fwhm": st.floats(0.5, 10),
    },
) | st.sampled_from([{"quiet": True}, {"verbose": 3}])


@example_settings(max_examples=50, deadline=None)
@given(values=GIVEN)
def test_the_effective_config_makes_the_same_settings(
    folders: Path, values: dict[str, object]
) -> None:
    first = settings(folders, values)
    path = folders / "effective.toml"
    path.write_text(first.effective_config)
    again = settings_from(Given({"config_file": str(path)}), ())
    assert again == first
    assert effective_toml(again) == first.effective_config


def test_flags_win_over_the_config(folders: Path) -> None:
    path = folders / "wins.toml"
    path.write_text("nprocs = 3\nrandom_seed = 5\n[gaussian]\nfwhm = 4")
    made = settings(folders, {"config_file": str(path), "nprocs": 7})
    assert (made.nprocs, made.seed, made.parameters) == (7, 5, {"gaussian": {"fwhm": 4.0}})
