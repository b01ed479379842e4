"""One page: what it wants to see, and the work that follows from it.

The newest request wins. Planes come first: those of the image as it is at once, then the denoised
ones; the whole volume and its judgement follow in the background, once the page has come to rest.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from bids_denoise.errors import BidsDenoiseError
from bids_denoise.viewer.lanes import StoppedError, Ticket
from bids_denoise.viewer.messages import Config, Open, Show, UnfitError
from bids_denoise.viewer.schema import config_json, methods_json, wish_json

if TYPE_CHECKING:
    from bids_denoise.values import FloatArray
    from bids_denoise.viewer.opened import Opened
    from bids_denoise.viewer.shelf import Shelf
    from bids_denoise.viewer.talk import Talk
    from bids_denoise.viewer.treatment import Treatment

log = logging.getLogger("bids_denoise")

COMPILING = "the first time on a machine, compiling takes half a minute"

LONG = 5.0
"""Seconds without a denoised picture after which the page is told what takes so long."""

BREATH = 0.1
"""Seconds in which the browser can paint undisturbed after planes."""

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

    def __init__(self, shelf: Shelf, talk: Talk) -> None:
        self._shelf, self._talk = shelf, talk
        self._opened: Opened | None = None
        self._show: Show | None = None
        self._changed = asyncio.Event()
        self._planes: Ticket | None = None
        self._whole: Background | None = None
        self._viewing = asyncio.create_task(self._view())
        self._telling: asyncio.Task[None] | None = None

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
            await self._talk.send({"type": "config", **made})
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
        if self._telling:
            self._telling.cancel()
        self._opened = self._show = None
        self._talk.begin()
        try:
            opened = await self._shelf.planes.run(lambda: self._shelf.opened(number), Ticket())
            facts = await self._shelf.planes.run(opened.facts, Ticket())
        except Exception as error:
            await self._talk.send({"type": "error", "reason": _reason(error)})
            return
        settings = wish_json(opened.entry.wish)
        await self._talk.send({"type": "image", "scan": number, **facts, "settings": settings})
        self._opened = opened
        self._telling = asyncio.create_task(self._tell(opened, number))

    async def _tell(self, opened: Opened, number: int) -> None:
        """Send what the noise is, which takes longer than to show the image; and why, if long."""
        explaining = asyncio.create_task(self._explain(opened))
        try:
            noise = await self._shelf.planes.run(opened.noise_facts, Ticket())
            known = {"noise": noise, "methods": methods_json(opened.kind)}
            await self._talk.send({"type": "noise", "scan": number, **known})
            await explaining
        except Exception as error:
            await self._talk.send({"type": "error", "reason": _reason(error)})
        finally:
            explaining.cancel()

    async def _explain(self, opened: Opened) -> None:
        await asyncio.sleep(LONG)
        if self._show and self._opened is opened and not opened.treatments_begun:
            await self._talk.work(self._show, "waiting", stage=COMPILING)

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
        treatment = opened.finished(show.wish, show.volume)
        before = await asyncio.to_thread(
            lambda: opened.geometry.planes(opened.volume(show.volume), show.voxel)
        )
        if treatment is None:
            await self._before(show, before)
        self._planes = ticket = Ticket()
        if treatment is None:
            treatment = await self._shelf.planes.run(
                lambda: opened.treatment(show.wish, show.volume), ticket
            )
        if self._whole and not _serves(self._whole, treatment, show):
            self._stop_whole()
        after = await self._after(treatment, show, ticket, before)
        if self._changed.is_set():
            return
        await self._maps(opened, treatment, show)
        await self._talk.courses(opened, treatment, show)
        await self._rest(treatment, show, (before, after))
        self._planes = None

    async def _before(self, show: Show, planes: list[FloatArray]) -> None:
        if self._talk.is_news("before", (show.voxel, show.volume)):
            await self._talk.layer(show, "before", planes, "exact")

    async def _after(
        self, treatment: Treatment, show: Show, ticket: Ticket, before: list[FloatArray]
    ) -> list[FloatArray] | None:
        """Compute and send the denoised planes; None where the whole is as quick, or not wanted.

        Those of a whole follow the ones before at once, so that no frame has one without the other.
        """
        device = self._shelf.device
        if treatment.whole is not None:
            after = await asyncio.to_thread(
                lambda: treatment.planes(show.voxel, show.volume, device)
            )
            await self._before(show, before)
            await self._talk.layer(show, "after", after, "exact", treatment.denoiser.name)
            return after
        if not treatment.worthwhile(show.voxel):
            return None
        await self._shelf.planes.run(lambda: treatment.begin(device), ticket)
        if treatment.refines:
            await self._denoised(treatment, show, ticket, rough=True)
            ticket.patience = 0.0  # something is shown: what is newer goes first
            await asyncio.sleep(BREATH)
        if self._changed.is_set():
            return None
        return await self._denoised(treatment, show, ticket)

    async def _denoised(
        self, treatment: Treatment, show: Show, ticket: Ticket, *, rough: bool = False
    ) -> list[FloatArray]:
        """Compute and send the denoised planes."""

        def work() -> list[FloatArray]:
            return treatment.planes(show.voxel, show.volume, self._shelf.device, rough=rough)

        after = await self._shelf.planes.run(work, ticket)
        state = "exact" if treatment.exact and not rough else "preview"
        await self._talk.layer(show, "after", after, state, treatment.denoiser.name)
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
        await self._talk.work(show, "done" if done else "waiting")
        if done and strength in treatment.judged:
            if self._talk.is_news("judgement", (treatment, strength)):
                found = treatment.judge(strength, self._shelf.device)
                await self._talk.judgement(show, "whole", found)
            return
        before, after = planes
        if after is not None:
            await asyncio.sleep(BREATH)
            found = await asyncio.to_thread(
                lambda: treatment.judge_planes(before, after, show.voxel, strength)
            )
            self._talk.forget("judgement")
            await self._talk.judgement(show, "planes", found)
        if self._whole is None:
            ticket = Ticket(self._talk.teller(show, treatment), self._shelf.planes.idle)
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
            await self._talk.work(show, "judging")
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

    async def _maps(self, opened: Opened, treatment: Treatment, show: Show) -> None:
        """Send the maps that are wanted and there."""
        for name in show.layers:
            if name in {"before", "after"}:
                continue
            data = await self._shelf.planes.run(partial(treatment.layer, name), Ticket())
            if data is not None:
                planes = opened.geometry.planes(data, show.voxel)
                await self._talk.layer(show, name, planes, "exact", treatment.denoiser.name)

    async def _fail(self, show: Show, error: Exception) -> None:
        await self._talk.work(show, "failed", _reason(error))


def _reason(error: Exception) -> str:
    """Return what the page is told of an error; one that nobody foresaw is logged as well."""
    if isinstance(error, BidsDenoiseError | MemoryError):
        return str(error)
    reason = f"unexpected {type(error).__name__}: {error}"
    log.error("%s", reason, exc_info=error)
    return reason


def _other(one: Show, two: Show) -> bool:
    """Say whether two requests are for other settings, the strength aside."""
    return replace(one.wish, strength=1) != replace(two.wish, strength=1)


def _serves(work: Background, treatment: Treatment, show: Show) -> bool:
    """Say whether work in the background is of use for a request."""
    same_strength = work.strength == show.wish.strength
    return work.treatment is treatment and (treatment.whole is None or same_strength)
