"""Which images a BIDS dataset holds: the only room that knows PyBIDS.

`find_scans` names every image file of the chosen participants, either as a scan to denoise or
with the reason why not.
"""

from bids_denoise.dataset.companions import (
    find_brain_mask,
    find_noise_map,
    find_noise_scan,
)
from bids_denoise.dataset.discovery import find_scans
from bids_denoise.dataset.root import check_dataset, list_participants

__all__ = [
    "check_dataset",
    "find_brain_mask",
    "find_noise_map",
    "find_noise_scan",
    "find_scans",
    "list_participants",
]
