"""The import rules of docs/design.md, enforced: in-function imports are counted."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "bids_denoise"
LEVELS = [
    {"values", "errors", "__init__"},
    {"scratch", "watch"},
    {"kernels", "networks"},
    {"intensity", "orientation", "stabilisation", "device", "workers", "template_cache", "weights"},
    {"metrics", "simulate"},
    {"dataset", "imageio", "denoisers", "noise", "anatomy", "connectome"},
    {"derivatives", "report", "stats", "console"},
    {"participant", "group"},
    {"cli", "training"},
    {"demo", "viewer", "__main__"},
]
LEVEL = {room: level for level, rooms in enumerate(LEVELS) for room in rooms}
HOMES = {
    "bids": {"dataset"},
    "nibabel": {"imageio"},
    "numba": {"kernels"},
    "torch": {"kernels", "networks", "training", "denoisers", "anatomy"},
    "safetensors": {"training", "weights"},
    "matplotlib": {"report"},
    "jinja2": {"report"},
    "sklearn": {"stats"},
    "pandas": {"stats"},
    "rich": {"console"},
    "nilearn": {"simulate", "stats", "connectome", "anatomy"},
    "SimpleITK": {"anatomy"},
    "tomli_w": {"cli", "viewer"},
    "starlette": {"viewer"},
    "uvicorn": {"viewer"},
    "filelock": {"derivatives"},
    "psutil": {"cli"},
    "scipy": {"imageio", "intensity", "stabilisation", "metrics", "simulate"}
    | {"denoisers", "noise", "stats", "connectome", "anatomy", "training", "kernels"},
}
HEAVY = sorted(set(HOMES) - {"tomli_w", "filelock", "psutil"})
MODULES = sorted(PACKAGE.rglob("*.py"))
MOST_LINES_IN_A_BODY = 60
MOST_LINES_IN_A_FILE = 320


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(path: Path) -> set[str]:
    """Return every dotted name imported anywhere in a file, typing-only imports left out."""
    tree = ast.parse(path.read_text())
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    found: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_strictly_down(path: Path) -> None:
    room = room_of(path)
    for name in imports_of(path):
        if not name.startswith("bids_denoise."):
            continue
        other = name.split(".")[1]
        if other not in {room, "__version__"}:
            assert LEVEL[other] < LEVEL[room], f"{room} may not import {name}"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_each_third_party_package_stays_in_its_home(path: Path) -> None:
    for name in imports_of(path):
        homes = HOMES.get(name.split(".")[0])
        assert homes is None or room_of(path) in homes, f"{name} belongs in {homes}"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_files_and_bodies_are_short(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= MOST_LINES_IN_A_FILE
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            lines = node.end_lineno - body[0].lineno + 1 if body and node.end_lineno else 0
            assert lines <= MOST_LINES_IN_A_BODY, f"{node.name} has {lines} lines"


@pytest.mark.parametrize("room", ["cli", "viewer"])
@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_load_nothing_heavy(room: str, option: str) -> None:
    code = (
        f"import sys\nfrom bids_denoise.{room} import main\n"
        f"try:\n    main([{option!r}])\nexcept SystemExit:\n    pass\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in run.stderr.split()}
    assert loaded.isdisjoint(HEAVY), loaded & set(HEAVY)
    assert "bids-denoise" in run.stdout


def test_kernels_compile_nothing_at_import() -> None:
    """An explicit signature would cost every start seconds."""
    for path in (PACKAGE / "kernels").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                for decorator in node.decorator_list:
                    text = ast.unparse(decorator)
                    if "jit" in text and isinstance(decorator, ast.Call):
                        assert not decorator.args, f"{path.name}:{node.name} has a signature"
