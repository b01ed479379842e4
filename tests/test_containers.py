"""The container recipes: singularity.def is run section by section, the Dockerfile compared."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from bids_denoise import __version__

ROOT = Path(__file__).parents[1]


def sections(text: str) -> dict[str, str]:
    """Return the sections of an Apptainer definition by name."""
    parts = re.split(r"^%(\w+)$", text, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def shell(script: str, env: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a section as Apptainer does: by /bin/sh, with the arguments of the container."""
    return subprocess.run(
        ["/bin/sh", "-c", script, "sh", *arguments],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy what %files names and run %post, without the dependencies, in a folder of its own."""
    root = tmp_path_factory.mktemp("opt")
    recipe = sections((ROOT / "singularity.def").read_text())
    for line in recipe["files"].split("\n"):
        if line.strip():
            source, target = line.split()
            place = root / Path(target).relative_to("/opt")
            place.parent.mkdir(parents=True, exist_ok=True)
            ignore = shutil.ignore_patterns("__pycache__")
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, place, ignore=ignore)
            else:
                shutil.copy(ROOT / source, place)
    env = {**os.environ, "BIDS_DENOISE_ROOT": str(root), "PIP_OPTIONS": "--no-deps"}
    done = shell(recipe["post"], env)
    assert done.returncode == 0, done.stderr
    return root


def inside(root: Path, section: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    recipe = sections((ROOT / "singularity.def").read_text())
    env = {"PATH": "/usr/bin:/bin", "BIDS_DENOISE_ROOT": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    return shell(recipe["environment"] + recipe[section], env, *arguments)


def test_post_leaves_the_app_and_not_its_source(built: Path) -> None:
    assert (built / "bids-denoise" / "bin" / "bids-denoise").is_file()
    assert not (built / "src").exists()


def test_the_runscript_hands_its_arguments_on(built: Path) -> None:
    assert inside(built, "runscript", "--version").stdout.strip() == f"bids-denoise {__version__}"
    refused = inside(built, "runscript", "/none here", "/out", "participant")
    assert refused.returncode == 66
    assert "/none here" in refused.stderr


def test_the_self_test_passes(built: Path) -> None:
    assert inside(built, "test").returncode == 0


def test_both_recipes_start_from_the_same_image_and_version() -> None:
    docker = (ROOT / "Dockerfile").read_text()
    recipe = (ROOT / "singularity.def").read_text()
    bases = set(re.findall(r"^FROM (\S+)", docker, re.MULTILINE))
    assert bases == {re.search(r"^From: (\S+)", recipe, re.MULTILINE)[1]}  # type: ignore[index]
    assert re.search(r"^ARG VERSION=(.*)$", docker, re.MULTILINE)[1] == __version__  # type: ignore[index]
    assert f"version: {__version__}" in (ROOT / "CITATION.cff").read_text()
