"""No test writes outside its own folders, and none runs kernels compiled from older sources."""

import os
import tempfile
from pathlib import Path

HOME = Path(tempfile.gettempdir()) / f"bids-denoise-tests-{os.getuid()}"
HOME.mkdir(exist_ok=True)
os.environ["HOME"] = str(HOME)
for name in ("XDG_CACHE_HOME", "NUMBA_CACHE_DIR"):
    os.environ.pop(name, None)
os.environ["MPLCONFIGDIR"] = str(HOME / "matplotlib")

from bids_denoise.cli.environment import prepare  # noqa: E402 - before numba is imported

prepare(2, HOME)
