"""One page: what it wants to see, and the work that follows from it.

The newest request wins. Planes come first: those of the image as it is at once, then the denoised
ones; the whole volume and its judgement follow in the background, once the page has come to rest.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from bids_denoise import __version__
from bids_denoise.errors import BidsDenoiseError
from bids_denoise.viewer.lanes import StoppedError, Ticket
from bids_denoise.viewer.messages import Config, Open, Show, UnfitError, encode
from bids_denoise.viewer.schema import (
    amount_json,
    config_json,
    denoisers_json,
    methods_json,
    wish_json,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bids_denoise.values import FloatArray
    from bids_denoise.viewer.opened import Opened, Treatment
    from bids_denoise.viewer.shelf import Shelf

    Send = Callable[[dict[str, Any] | bytes], Awaitable[None]]

log = logging.getLogger("bids_denoise")

REST = 0.5
"""Seconds without a change after which the whole volume is begun."""


@dataclass
class Background:
    """The work on a whole volume: what for, and by what it is stopped."""

    treatment: Treatment
    strength: float
    ticket: Ticket
    task: asyncio.Task[None] | None = None


class Session:
    """The state of one page. All methods run in the event loop."""

    def __init__(self, shelf: Shelf, send: Send) -> None:
        self._shelf, self._send = shelf, send
        self._opened: Opened | None = None
        self._show: Show | None = None
        self._changed = asyncio.Event()
        self._planes: Ticket | None = None
        self._whole: Background | None = None
        self._sent: dict[str, object] = {}
        self._viewing = asyncio.create_task(self._view())
        self._telling: asyncio.Task[None] | None = None

    async def greet(self) -> None:
        """Say what can be opened and what can be set."""
        library = self._shelf.library
        scans = [
            {"id": number, "name": each.name, "title": each.title}
            for number, each in enumerate(library.entries)
        ]
        await self._send(
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

    async def handle(self, message: Open | Show | Config) -> None:
        """Take a message of the page.

        Raises
        ------
        UnfitError
            It asks for what is not there.
        """
        if isinstance(message, Open):
            await self._open(message.scan)
        elif isinstance(message, Config):
            if self._opened is None:
                raise UnfitError("no image is open")
            made = config_json(message.wish, self._opened.entry, self._shelf.library)
            await self._send({"type": "config", **made})
        else:
            self._check(message)
            if self._show and _other(message, self._show):
                self._stop_whole()
            self._show = message
            self._changed.set()
            if self._planes and self._planes.age > self._planes.patience:
                self._planes.stop()

    async def close(self) -> None:
        """Stop all work that is done for this page."""
        self._viewing.cancel()
        tasks = [self._viewing, *([self._telling] if self._telling else [])]
        if self._planes:
            self._planes.stop()
        if self._whole and self._whole.task:
            tasks.append(self._whole.task)
        self._stop_whole()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _check(self, show: Show) -> None:
        if self._opened is None:
            raise UnfitError("no image is open")
        shape = self._opened.geometry.shape
        if any(place >= length for place, length in zip(show.voxel, shape, strict=True)):
            raise UnfitError(f"voxel is outside of the image, {shape}")
        if show.volume >= self._opened.volumes:
            raise UnfitError(f"volume is not among the {self._opened.volumes} of the image")

    async def _open(self, number: int) -> None:
        if number >= len(self._shelf.library.entries):
            raise UnfitError("scan is none of the list")
        self._stop_whole()
        self._opened = self._show = None
        self._sent = {}
        try:
            opened = await self._shelf.planes.run(lambda: self._shelf.opened(number), Ticket())
            facts = await self._shelf.planes.run(opened.facts, Ticket())
        except BidsDenoiseError as error:
            await self._send({"type": "error", "reason": str(error)})
            return
        settings = wish_json(opened.entry.wish)
        await self._send({"type": "image", "scan": number, **facts, "settings": settings})
        self._opened = opened
        self._telling = asyncio.create_task(self._tell_noise(opened, number))

    async def _tell_noise(self, opened: Opened, number: int) -> None:
        """Send what the noise is; the first time, that takes longer than to show the image."""
        try:
            noise = await self._shelf.planes.run(opened.noise_facts, Ticket())
        except BidsDenoiseError as error:
            await self._send({"type": "error", "reason": str(error)})
            return
        known = {"noise": noise, "methods": methods_json(opened.kind)}
        await self._send({"type": "noise", "scan": number, **known})

    async def _view(self) -> None:
        """Answer the newest request, again and again."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            show, opened = self._show, self._opened
            if show is None or opened is None:
                continue
            try:
                await self._answer(opened, show)
            except StoppedError:
                continue
            except Exception as error:
                await self._fail(show, error)

    async def _answer(self, opened: Opened, show: Show) -> None:
        before = await asyncio.to_thread(
            lambda: opened.geometry.planes(opened.volume(show.volume), show.voxel)
        )
        if self._is_news("before", (show.voxel, show.volume)):
            await self._layer(show, "before", before, "exact")
        self._planes = ticket = Ticket()
        planes, device = self._shelf.planes, self._shelf.device
        treatment = await planes.run(lambda: opened.treatment(show.wish, show.volume), ticket)
        if self._whole and not _serves(self._whole, treatment, show):
            self._stop_whole()
        after = None
        if treatment.worthwhile(show.voxel) or treatment.whole is not None:
            await planes.run(lambda: treatment.begin(device), ticket)
            if treatment.refines:
                await self._denoised(treatment, show, ticket, rough=True)
                ticket.patience = 0.0  # something is shown: what is newer goes first
            if self._changed.is_set():
                return
            after = await self._denoised(treatment, show, ticket)
        await self._maps(opened, treatment, show)
        await self._courses(opened, treatment, show)
        await self._rest(treatment, show, (before, after))
        self._planes = None

    async def _denoised(
        self, treatment: Treatment, show: Show, ticket: Ticket, *, rough: bool = False
    ) -> list[FloatArray]:
        """Compute and send the denoised planes."""

        def work() -> list[FloatArray]:
            return treatment.planes(show.voxel, show.volume, self._shelf.device, rough=rough)

        after = await self._shelf.planes.run(work, ticket)
        state = "exact" if treatment.exact and not rough else "preview"
        await self._layer(show, "after", after, state, treatment.denoiser.name)
        return after

    async def _rest(
        self,
        treatment: Treatment,
        show: Show,
        planes: tuple[list[FloatArray], list[FloatArray] | None],
    ) -> None:
        """Say how far the treatment is, judge it, and see that it goes on."""
        strength = show.wish.strength
        done = treatment.whole is not None
        await self._work(show, "done" if done else "waiting")
        if done and strength in treatment.judged:
            if self._is_news("judgement", (treatment, strength)):
                found = treatment.judge(strength, self._shelf.device)
                await self._judgement(show, "whole", found)
            return
        before, after = planes
        if after is not None:
            found = await asyncio.to_thread(
                lambda: treatment.judge_planes(before, after, show.voxel, strength)
            )
            self._sent.pop("judgement", None)
            await self._judgement(show, "planes", found)
        if self._whole is None:
            ticket = Ticket(self._teller(show, treatment), self._shelf.planes.idle)
            self._whole = Background(treatment, strength, ticket)
            self._whole.task = asyncio.create_task(self._complete(self._whole, show))

    async def _complete(self, work: Background, show: Show) -> None:
        """Denoise the whole, have the newest request answered by it, and judge it."""
        device, wholes, treatment = self._shelf.device, self._shelf.wholes, work.treatment
        try:
            await asyncio.sleep(REST)
            if treatment.whole is None:
                await wholes.run(lambda: treatment.finish(device), work.ticket)
                treatment.opened.steps[treatment.denoiser.name] = work.ticket.steps
                self._changed.set()
            work.strength = self._show.wish.strength if self._show else work.strength
            work.ticket = Ticket(None, self._shelf.planes.idle)
            await self._work(show, "judging")
            await wholes.run(lambda: treatment.judge(work.strength, device), work.ticket)
            self._whole = None
            self._changed.set()
        except StoppedError:
            pass
        except Exception as error:
            await self._fail(show, error)

    def _stop_whole(self) -> None:
        if self._whole:
            self._whole.ticket.stop()
            if self._whole.task:
                self._whole.task.cancel()
            self._whole = None

    def _is_news(self, name: str, value: object) -> bool:
        """Say whether a message differs from the last of its name, and take it as sent."""
        if self._sent.get(name) == value:
            return False
        self._sent[name] = value
        return True

    async def _maps(self, opened: Opened, treatment: Treatment, show: Show) -> None:
        """Send the maps that are wanted and there."""
        for name in show.layers:
            if name in {"before", "after"}:
                continue
            data = await self._shelf.planes.run(partial(treatment.layer, name), Ticket())
            if data is not None:
                planes = opened.geometry.planes(data, show.voxel)
                await self._layer(show, name, planes, "exact", treatment.denoiser.name)

    async def _courses(self, opened: Opened, treatment: Treatment, show: Show) -> None:
        """Send the time course of the voxel, as it is and denoised."""
        if opened.volumes < 2:
            return
        if not self._is_news("curve", (show.voxel, treatment, treatment.whole is None)):
            return
        at = opened.geometry.stored(show.voxel)
        whole = None if treatment.alone or treatment.whole is None else treatment.whole.data
        before, after = opened.image.data[at], None if whole is None else whole[at]
        await self._send(
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

    async def _layer(
        self, show: Show, name: str, planes: list[FloatArray], state: str, method: str = ""
    ) -> None:
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
        await self._send(encode(header, planes))

    async def _work(self, show: Show, state: str, reason: str = "") -> None:
        message = {"stage": "", "done": 0, "total": 0, "reason": reason}
        await self._send({"type": "work", "serial": show.serial, "state": state, **message})

    async def _judgement(self, show: Show, scope: str, found: dict[str, Any]) -> None:
        message = {"type": "judgement", "serial": show.serial, "scope": scope}
        await self._send(message | found)

    def _teller(self, show: Show, treatment: Treatment) -> Callable[[int], None]:
        """Return what a computing thread tells its steps by; how many, the last time has shown."""
        loop = asyncio.get_running_loop()
        total = treatment.opened.steps.get(treatment.denoiser.name, 0)
        facts = {"type": "work", "serial": show.serial, "state": "whole", "stage": "", "reason": ""}

        def tell(done: int) -> None:
            message = facts | {"done": min(done, total), "total": total}
            loop.call_soon_threadsafe(lambda: asyncio.ensure_future(self._send(message)))

        return tell

    async def _fail(self, show: Show, error: Exception) -> None:
        known = isinstance(error, BidsDenoiseError | MemoryError)
        reason = str(error) if known else f"unexpected {type(error).__name__}: {error}"
        if not known:
            log.error("%s", reason, exc_info=error)
        await self._work(show, "failed", reason)


def _tsnr(course: FloatArray) -> float:
    spread = float(course.std(ddof=1))
    return float(course.mean()) / spread if spread > 0 else 0.0


def _other(one: Show, two: Show) -> bool:
    """Say whether two requests are for other settings, the strength aside."""
    return replace(one.wish, strength=1) != replace(two.wish, strength=1)


def _serves(work: Background, treatment: Treatment, show: Show) -> bool:
    """Say whether work in the background is of use for a request."""
    same_strength = work.strength == show.wish.strength
    return work.treatment is treatment and (treatment.whole is None or same_strength)
