"""What all pages of a server share: the list of images, those that are open, and the threads."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from bids_denoise.viewer.lanes import Lane
from bids_denoise.viewer.opened import Opened

if TYPE_CHECKING:
    from pathlib import Path

    from bids_denoise.values import Device
    from bids_denoise.viewer.library import Library

MOST_OPEN = 2


class Shelf:
    """The images of a library, opened when they are asked for.

    Planes are computed in one lane and whole volumes in another, so that moving the crosshair does
    not wait for a volume.
    """

    def __init__(self, library: Library, device: Device, folder: Path) -> None:
        self.library, self.device, self.folder = library, device, folder
        self.planes, self.wholes = Lane("planes"), Lane("whole")
        self._opened: OrderedDict[int, Opened] = OrderedDict()

    def opened(self, number: int) -> Opened:
        """Return the image of a number, read if it is not open; takes a while.

        Raises
        ------
        ScanError
            It cannot be read.
        """
        if number not in self._opened:
            self._opened[number] = Opened(self.library.entries[number], self.folder)
        self._opened.move_to_end(number)
        while len(self._opened) > MOST_OPEN:
            self._opened.popitem(last=False)
        return self._opened[number]

    def close(self) -> None:
        """Let the threads end."""
        self.planes.close()
        self.wholes.close()
