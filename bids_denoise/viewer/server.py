"""The server: four files and one socket, behind the guard."""

from __future__ import annotations

import asyncio
import json
import mimetypes
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocketDisconnect, WebSocketState

from bids_denoise.viewer.guard import HEADERS, Guard
from bids_denoise.viewer.messages import LARGEST, UnfitError, parse
from bids_denoise.viewer.session import Session
from bids_denoise.viewer.talk import Talk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from starlette.requests import Request
    from starlette.types import ASGIApp
    from starlette.websockets import WebSocket

    from bids_denoise.viewer.shelf import Shelf

PAGE = "index.html"
FILES = (PAGE, "viewer.js", "viewer.css", "LICENSES.txt")
MOST_PAGES = 16
"""Open at once. More is a fault, or somebody who means harm."""

FAULTS = 20
"""Messages without sense after which a page is not listened to any more."""

UNFIT, BUSY = 1008, 1013
"""Codes of the close frame: policy violation, try again later."""


def make_app(shelf: Shelf, token: str, hosts: Iterable[str] = ()) -> ASGIApp:
    """Return the server of a shelf; its page is at ``/TOKEN/``."""
    pages: set[Session] = set()

    async def live(socket: WebSocket) -> None:
        if len(pages) >= MOST_PAGES:
            await socket.close(BUSY)
            return
        await socket.accept()
        await _serve(socket, shelf, pages)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await asyncio.gather(*(each.close() for each in set(pages)))
        shelf.close()

    routes = [_file_route(token, name) for name in FILES]
    routes.append(_file_route(token, PAGE, ""))
    app = Starlette(routes=[*routes, WebSocketRoute(f"/{token}/live", live)], lifespan=lifespan)
    return Guard(app, token, hosts)


def make_server(app: ASGIApp) -> uvicorn.Server:
    """Return what runs the app; messages longer than the page's are cut off by it."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            server_header=False,
            ws="websockets-sansio",
            ws_max_size=LARGEST,
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=2,
        )
    )


def _file_route(token: str, name: str, path: str | None = None) -> Route:
    """Return where a file of the page is served; it is read once, so that no path reaches disk."""
    content = files("bids_denoise.viewer").joinpath("static", name).read_bytes()
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"

    async def answer(_: Request) -> Response:
        return Response(content, media_type=kind, headers=HEADERS)

    return Route(f"/{token}/{name if path is None else path}", answer, methods=["GET"])


async def _serve(socket: WebSocket, shelf: Shelf, pages: set[Session]) -> None:
    """Talk to one page until it goes, however it goes."""

    async def send(message: dict[str, Any] | bytes) -> None:
        if socket.application_state is not WebSocketState.CONNECTED:
            return
        try:
            if isinstance(message, bytes):
                await socket.send_bytes(message)
            else:
                await socket.send_text(json.dumps(message, allow_nan=False))
        except (WebSocketDisconnect, RuntimeError):
            return  # it is gone; the receiving side sees to what follows

    talk = Talk(send)
    session = Session(shelf, talk)
    pages.add(session)
    try:
        await talk.greet(shelf.library)
        await _listen(socket, session, send)
    except WebSocketDisconnect:
        pass
    finally:
        pages.discard(session)
        await session.close()


async def _listen(socket: WebSocket, session: Session, send: Any) -> None:
    faults = 0
    while True:
        frame = await socket.receive()
        if frame["type"] == "websocket.disconnect":
            return
        try:
            if frame.get("text") is None:
                raise UnfitError("a binary message; the page sends text")
            await session.handle(parse(frame["text"]))
        except UnfitError as error:
            faults += 1
            await send({"type": "error", "reason": str(error)})
            if faults >= FAULTS:
                await socket.close(UNFIT)
                return
