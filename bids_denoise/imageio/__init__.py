"""NIfTI files to arrays and back: the only room that knows nibabel.

`load` reads a scan and refuses, with a plain sentence, what cannot be denoised;
`write_like` and `write_map` put arrays back under the source's header, so that grid, both
header forms, units and timing stay as they were.
"""

from bids_denoise.imageio.fresh import write_new
from bids_denoise.imageio.header import Header, describe, voxels_bytes
from bids_denoise.imageio.reading import Loaded, load, read, read_placed
from bids_denoise.imageio.stream import checksum
from bids_denoise.imageio.writing import write_like, write_map

__all__ = [
    "Header",
    "Loaded",
    "checksum",
    "describe",
    "load",
    "read",
    "read_placed",
    "voxels_bytes",
    "write_like",
    "write_map",
    "write_new",
]
