"""The folder of TemplateFlow's files on this machine. Nothing is downloaded."""

from __future__ import annotations

import os
import re
from pathlib import Path


def cache() -> Path:
    """Return the folder of TemplateFlow's files."""
    return Path(os.environ.get("TEMPLATEFLOW_HOME") or "~/.cache/templateflow").expanduser()


def entities(name: str) -> dict[str, str]:
    """Return the entities in a file name.

    >>> entities("tpl-MNI152NLin6Asym_res-02_atlas-HOCPA_desc-th25_dseg.nii.gz")["desc"]
    'th25'
    """
    return dict(re.findall(r"(?:^|_)([a-z]+)-([a-zA-Z0-9+]+)", name))
