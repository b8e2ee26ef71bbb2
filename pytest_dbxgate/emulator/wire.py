"""Bodies as they come over the wire: JSON, and the multipart form of ``workspace.upload()``."""

from __future__ import annotations

import json
import re

from pytest_dbxgate.emulator.values import ApiError, Json, Raw

_BOUNDARY = re.compile(r'boundary="?([^";]+)"?', re.IGNORECASE)
_NAME = re.compile(rb'[; ]name="([^"]*)"', re.IGNORECASE)


def body_of(raw: Raw) -> Json:
    """The fields of a request's body; the file of a form as bytes.

    Raises 400 MALFORMED_REQUEST [report].
    """
    media = raw.headers.get("content-type", "")
    if media.lower().startswith("multipart/form-data"):
        return _form(media, raw.body)
    if not raw.body:
        return {}
    try:
        value = json.loads(raw.body)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise ApiError(400, "MALFORMED_REQUEST", "Invalid JSON given in the body of the request")
    return value


def _form(media: str, body: bytes) -> Json:
    found = _BOUNDARY.search(media)
    if found is None:
        raise ApiError(400, "MALFORMED_REQUEST", "The form has no boundary")
    fields: Json = {}
    for part in (b"\r\n" + body).split(b"\r\n--" + found[1].encode())[1:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        name = _NAME.search(head)
        if name is None:
            raise ApiError(400, "MALFORMED_REQUEST", "A field of the form has no name")
        key = name[1].decode()
        fields[key] = content if key == "content" else content.decode("utf-8", "replace")
    return fields
