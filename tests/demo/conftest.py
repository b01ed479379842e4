from pathlib import Path

import pytest

from bids_denoise.demo.dataset import write_demo

COARSE = 3.0


@pytest.fixture(scope="package")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's scans and truth, coarse and therefore quick; nobody writes into it."""
    root = tmp_path_factory.mktemp("demo")
    write_demo(root, seed=3, coarseness=COARSE)
    return root
