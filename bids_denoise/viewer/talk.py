"""What a page is told, and not told twice."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from bids_denoise import __version__
from bids_denoise.viewer.messages import encode
from bids_denoise.viewer.schema import amount_json, denoisers_json

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bids_denoise.values import FloatArray
    from bids_denoise.viewer.library import Library
    from bids_denoise.viewer.messages import Show
    from bids_denoise.viewer.opened import Opened
    from bids_denoise.viewer.treatment import Treatment

    Send = Callable[[dict[str, Any] | bytes], Awaitable[None]]


class Talk:
    """Everything that is said to one page; `send` takes JSON or a binary frame."""

    def __init__(self, send: Send) -> None:
        self.send = send
        self._sent: dict[str, object] = {}

    def begin(self) -> None:
        """Take nothing as said: another image is opened."""
        self._sent.clear()

    def forget(self, name: str) -> None:
        """Take the last message of a name as not said."""
        self._sent.pop(name, None)

    def is_news(self, name: str, value: object) -> bool:
        """Say whether a message differs from the last of its name, and take it as sent."""
        if self._sent.get(name) == value:
            return False
        self._sent[name] = value
        return True

    async def greet(self, library: Library) -> None:
        """Say what can be opened and what can be set."""
        scans = [
            {"id": number, "name": each.name, "title": each.title}
            for number, each in enumerate(library.entries)
        ]
        await self.send(
            {
                "type": "hello",
                "version": __version__,
                "title": library.title,
                "scans": scans,
                "first": library.first,
                "denoisers": denoisers_json(),
                "common": amount_json(),
            }
        )

    async def layer(
        self, show: Show, name: str, planes: list[FloatArray], state: str, method: str = ""
    ) -> None:
        """Send three planes of a layer, ``exact`` or a ``preview``, made by a method."""
        header = {
            "type": "layer",
            "serial": show.serial,
            "name": name,
            "voxel": show.voxel,
            "volume": show.volume,
            "state": state,
            "method": method,
            "shapes": [each.shape for each in planes],
        }
        await self.send(encode(header, planes))

    async def courses(self, opened: Opened, treatment: Treatment, show: Show) -> None:
        """Send the time course of the voxel, as it is and denoised."""
        if opened.volumes < 2:
            return
        if not self.is_news("curve", (show.voxel, treatment, treatment.whole is None)):
            return
        at = opened.geometry.stored(show.voxel)
        whole = None if treatment.alone or treatment.whole is None else treatment.whole.data
        before, after = opened.image.data[at], None if whole is None else whole[at]
        await self.send(
            {
                "type": "curve",
                "serial": show.serial,
                "voxel": show.voxel,
                "before": before.tolist(),
                "after": None if after is None else after.tolist(),
                "tsnr_before": _tsnr(before),
                "tsnr_after": None if after is None else _tsnr(after),
            }
        )

    async def work(self, show: Show, state: str, reason: str = "", stage: str = "") -> None:
        """Say how far the work for a request is; why, if it failed."""
        message = {"stage": stage, "done": 0, "total": 0, "reason": reason}
        await self.send({"type": "work", "serial": show.serial, "state": state, **message})

    async def judgement(self, show: Show, scope: str, found: dict[str, Any]) -> None:
        """Send the figures of the ``planes`` or of the ``whole``."""
        message = {"type": "judgement", "serial": show.serial, "scope": scope}
        await self.send(message | found)

    def teller(self, show: Show, treatment: Treatment) -> Callable[[int], None]:
        """Return what a computing thread tells its steps by; how many, the last time has shown."""
        loop = asyncio.get_running_loop()
        total = treatment.opened.steps.get(treatment.denoiser.name, 0)
        facts = {"type": "work", "serial": show.serial, "state": "whole", "stage": "", "reason": ""}

        def tell(done: int) -> None:
            message = facts | {"done": min(done, total), "total": total}
            loop.call_soon_threadsafe(lambda: asyncio.ensure_future(self.send(message)))

        return tell


def _tsnr(course: FloatArray) -> float:
    spread = float(course.std(ddof=1))
    return float(course.mean()) / spread if spread > 0 else 0.0
