"""`urllib.request` by way of the hub: a skill needs to learn nothing new to reach its hosts.

The sandbox has no network. What is opened with `urlopen` is fetched by the hub, from the hosts
that the pack was granted and no others; redirects are followed there, and checked again.
"""

from __future__ import annotations

import base64
import io
import urllib.error
import urllib.request
from email.message import Message
from typing import Any
from urllib.response import addinfourl

from hub.errors import SkillError
from hub.packs.inside.line import Line


def install(line: Line) -> None:
    """Make the hub the one way out."""

    class Handler(urllib.request.BaseHandler):
        def http_open(self, request: urllib.request.Request) -> Any:
            return _fetched(line, request)

        https_open = http_open

    opener = urllib.request.OpenerDirector()
    for handler in (
        Handler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
    ):
        opener.add_handler(handler)
    urllib.request.install_opener(opener)


def _fetched(line: Line, request: urllib.request.Request) -> addinfourl:
    body = request.data
    if body is not None and not isinstance(body, bytes):
        body = b"".join(body)  # type: ignore[arg-type]
    try:
        answer = line.ask(
            "hearth/http.fetch",
            {
                "url": request.full_url,
                "method": request.get_method(),
                "headers": dict(request.header_items()),
                "body": base64.b64encode(body).decode() if body else None,
            },
        )
    except SkillError as error:
        raise urllib.error.URLError(str(error)) from error
    headers = Message()
    for name, value in answer["headers"].items():
        headers[name] = value
    content = io.BytesIO(base64.b64decode(answer["body"]))
    response = addinfourl(content, headers, answer["url"], answer["status"])
    response.msg = ""  # type: ignore[attr-defined]  # HTTPErrorProcessor wants it
    return response
