"""Who is answered: nobody without the token of the address, or who comes from another site.

A page of another site can send requests to a server on the visitor's own machine, and, by a name
that it points there (DNS rebinding), even read the answers. Neither knows the token; the names
in ``Host`` and ``Origin`` are checked besides.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

LOOPBACK = ("localhost", "127.0.0.1", "::1")
HOST = re.compile(r"(?:\[(?P<address>[0-9a-f:]+)\]|(?P<name>[a-z0-9._-]+))(?::[0-9]{1,5})?")
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src 'self' data: blob:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
"""Of every answer."""


def new_token() -> str:
    """Return a token that nobody guesses."""
    return secrets.token_urlsafe(24)


class Guard:
    """Lets through what has the token, a known host and no foreign origin; answers 403 otherwise.

    Parameters
    ----------
    app
        What is guarded.
    token
        First part of the path of every address.
    hosts
        Names of this server beside those of the loopback interface, without ports: a tunnel or
        a container may show another port to the browser.
    """

    def __init__(self, app: ASGIApp, token: str, hosts: Iterable[str] = ()) -> None:
        self.app, self.token = app, token.encode()
        self.hosts = {*LOOPBACK, *(each.lower() for each in hosts)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection."""
        if scope["type"] == "lifespan" or self.allows(scope):
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            headers = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
            await send({"type": "http.response.start", "status": 403, "headers": headers})
            await send({"type": "http.response.body", "body": b""})

    def allows(self, scope: Scope) -> bool:
        """Say whether a connection may go on."""
        headers: dict[str, list[str]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
        if any(len(headers.get(name, ())) > 1 for name in ("host", "origin")):
            return False
        host, origin = (headers.get(name, [""])[0] for name in ("host", "origin"))
        if _name(host) not in self.hosts:
            return False
        if origin and urlsplit(origin).netloc != host:
            return False
        if scope["type"] == "websocket" and not origin:
            return False
        if headers.get("sec-fetch-site", ["none"])[0] not in {"none", "same-origin"}:
            return False
        given = scope["path"].split("/")[1:2] or [""]
        return hmac.compare_digest(given[0].encode(), self.token)


def _name(host: str) -> str:
    """Return the name in a ``Host`` header, without its port; empty if it is none."""
    match = HOST.fullmatch(host.lower())
    return (match["address"] or match["name"]) if match else ""
