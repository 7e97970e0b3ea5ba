"""A signed client of the server's own API, for the commands that people type."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import itertools
import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from vxloom.errors import ConfigError, RequestError, TransportError
from vxloom.settings import STATE

Answer = dict[str, object]
_PAGE = 500
"""Rows of a page, the most a server gives by default (its setting default.page.size)."""
_NAMES = ("CLOUDSTACK_ENDPOINT", "CLOUDSTACK_KEY", "CLOUDSTACK_SECRET")


class Client:
    """Endpoint and keys from the environment, else from the local server's ``admin.env``."""

    def __init__(self) -> None:
        values = {name: os.environ.get(name, "") for name in _NAMES}
        admin = STATE / "server" / "admin.env"
        if not all(values.values()) and os.access(admin, os.R_OK):
            values = _exports(admin)
        missing = [name for name in _NAMES if not values.get(name)]
        if missing:
            raise ConfigError(f"{', '.join(missing)} not set", remedy='run: eval "$(vxloom lab env)" or . DATA/admin.env')
        self._endpoint, self._key, self._secret = (values[name] for name in _NAMES)

    def call(self, command: str, /, **parameters: str) -> Answer:
        """Return the content of the answer's wrapper. Raises :class:`RequestError`, :class:`TransportError`."""
        fields = {"command": command, "apiKey": self._key, "response": "json", **parameters}
        body = urllib.parse.urlencode(fields | {"signature": _signature(fields, self._secret)}).encode()
        try:
            with urllib.request.urlopen(self._endpoint, body, timeout=120) as reply:  # noqa: S310 - the operator's own endpoint
                return _unwrap(reply.read())
        except urllib.error.HTTPError as error:
            content = _unwrap(error.read())
            raise RequestError(str(content.get("errortext", error.reason)), code=error.code) from error
        except (OSError, ValueError, http.client.HTTPException) as error:  # ValueError: the endpoint is no URL
            raise TransportError(f"no answer from {self._endpoint}: {error}", remedy="is the server running?") from error

    def wait(self, job: str, seconds: float = 120.0) -> Answer:
        """Return a job's result. Raises :class:`RequestError` when it failed, :class:`TransportError` after ``seconds``."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            answer = self.call("queryAsyncJobResult", jobid=job)
            if answer.get("jobstatus"):
                result = answer.get("jobresult")
                content: Answer = result if isinstance(result, dict) else {}
                if answer["jobstatus"] == 2:
                    raise RequestError(str(content.get("errortext", "the job failed")), code=int(str(answer.get("jobresultcode", 530))))
                return content
            time.sleep(0.02)
        raise TransportError(f"job {job} has not ended after {seconds:.0f} s", remedy="see listAsyncJobs and listAlerts")

    def run(self, command: str, /, **parameters: str) -> Answer:
        """Call, and wait for the job if it makes one."""
        answer = self.call(command, **parameters)
        return self.wait(str(answer["jobid"])) if "jobid" in answer else answer

    def rows(self, command: str, kind: str, /, **parameters: str) -> list[Answer]:
        """Return a list command's objects, all pages."""
        rows: list[Answer] = []
        for page in itertools.count(1):
            answer = self.call(command, **{"listall": "true", **parameters, "page": str(page), "pagesize": str(_PAGE)})
            found = answer.get(kind, [])
            rows += [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []
            if not found or len(rows) >= int(str(answer.get("count", 0))):
                break
        return rows


@contextmanager
def names_from(command: str) -> Iterator[None]:
    """Let a refusal of what was typed (431) say which command lists what there is."""
    try:
        yield
    except RequestError as error:
        if error.code == 431:
            error.remedy = f"what there is: {command}"
        raise


def _exports(file: Path) -> dict[str, str]:
    pairs = (line.removeprefix("export ").partition("=") for line in file.read_text().splitlines())
    return {name: value.strip("'\"") for name, _, value in pairs}


def _signature(fields: Mapping[str, str], secret: str) -> str:
    """Return CloudStack's signature: sorted, encoded, lower-cased, HMAC-SHA1, Base64 (developer guide)."""
    text = "&".join(f"{name}={urllib.parse.quote(fields[name], safe='*')}" for name in sorted(fields)).lower()
    return base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha1).digest()).decode()


def _unwrap(body: bytes) -> Answer:
    try:
        (content,) = json.loads(body).values()
    except (ValueError, AttributeError) as error:
        raise TransportError("the answer is not CloudStack JSON", remedy="does the endpoint end in /client/api?") from error
    return content if isinstance(content, dict) else {}
