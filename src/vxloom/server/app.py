"""The HTTP side: ``/client/api``, GET and POST, bounded in size. Every command runs in a worker thread; the loop never waits for one."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from vxloom.errors import RequestError
from vxloom.server import responses
from vxloom.server.dispatch import Pair, answer
from vxloom.server.fleet import Fleet
from vxloom.server.visit import Guesses, Visit
from vxloom.store import Store

MAX_BODY = 1024 * 1024
"""Bytes of a request body: room for the largest user data CloudStack takes (base64 of 1 MiB it does not; 32 KiB it does)."""
BODY_SECONDS = 20.0
"""From a request's header to the end of its body; less than ``protocol.REQUEST_SECONDS``, so that who is slow is still told so."""
MAX_PARAMETERS = 2000
_DIGITS = len(str(MAX_BODY))
_LOGINS = 4
"""Logins in worker threads at once; more wait without one, so that a flood of passwords leaves threads for everybody else."""
FORM = "application/x-www-form-urlencoded"


def create_app(store: Store, fleet: Fleet, begun: Callable[[], None] = lambda: None) -> Starlette:
    """Return the ASGI application of one server process; ``begun`` is called, in some thread, when a job was made."""
    guesses = Guesses()
    logins = asyncio.Semaphore(_LOGINS)

    async def api(request: Request) -> Response:
        try:
            pairs = await _parameters(request)
        except RequestError as error:
            return _response(responses.reply("errorresponse", responses.failure(error), json=True, status=error.code))
        address = request.client.host if request.client else ""
        visit = Visit(address, request.cookies, request.method == "POST", guesses)
        async with logins if any(name.lower() == "command" and value == "login" for name, value in pairs) else contextlib.nullcontext():
            reply = await run_in_threadpool(answer, pairs, store=store, fleet=fleet, visit=visit, begun=begun)
        return _response(reply, secure=request.url.scheme == "https")

    return Starlette(routes=[Route(path, api, methods=["GET", "POST"]) for path in ("/client/api", "/client/api/")])


async def _parameters(request: Request) -> list[Pair]:
    """Return the decoded parameters, query before form: the first of a name counts. Raises :class:`RequestError` 413, 415 or 430."""
    texts = [request.url.query]
    if request.method == "POST":
        texts.append(await _form(request))
    try:
        return [pair for text in texts for pair in parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS)]
    except ValueError:
        raise RequestError("The request's parameters are not URL-encoded UTF-8, or too many", code=430) from None


async def _form(request: Request) -> str:
    kind = request.headers.get("content-type", FORM).partition(";")[0].strip().lower()
    stated = request.headers.get("content-length", "")
    if stated.isascii() and stated.isdigit() and (len(stated) > _DIGITS or int(stated) > MAX_BODY):
        raise _too_large()  # before anything of it is read, or asked for (Expect: 100-continue)
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_BODY:
                    raise _too_large()
    except TimeoutError:
        raise RequestError(f"The request body did not come within {BODY_SECONDS:g} s", code=408, cs_code=9999) from None
    except ClientDisconnect:
        raise RequestError("The client went away in the middle of its request", code=430) from None
    if body and kind != FORM:
        raise RequestError(f"The request body is {kind[:80]}", code=415, cs_code=9999, remedy=f"send {FORM}")
    try:
        return body.decode("ascii")
    except UnicodeDecodeError:
        raise RequestError("The request body is not URL-encoded", code=430) from None


def _too_large() -> RequestError:
    return RequestError(f"The request body is larger than {MAX_BODY} bytes", code=413, cs_code=9999)


def _response(reply: responses.Reply, *, secure: bool = False) -> Response:
    """Return the HTTP answer; ``secure``: its cookies are for https only."""
    response = Response(reply.body, reply.status, media_type=None, headers={"content-type": reply.content_type})
    for cookie in reply.cookies:
        response.headers.append("set-cookie", f"{cookie}; Secure" if secure else cookie)
        response.headers["cache-control"] = "no-store"
    return response
