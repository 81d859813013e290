"""Static files under names that change with their content, so that browsers may keep them for ever. One style sheet and one
script for all pages, each put together from its parts: a cold first view asks for few files.
"""

from __future__ import annotations

import hashlib
import re
from importlib.resources import files
from pathlib import PurePosixPath
from typing import Final

from fastapi import APIRouter, Response

from tickover.web.problems import Problem

router: Final = APIRouter(include_in_schema=False)
_NAMES: Final = (
    "fonts/inter-regular.woff2", "fonts/inter-medium.woff2", "fonts/inter-semibold.woff2", "fonts/jbmono-regular.woff2",
    "mark.svg", "app.css", "app.js",
)  # fmt: skip
#: Later parts win over earlier ones.
_PARTS: Final = {
    "app.css": (
        "tokens.css",
        "base.css",
        "parts.css",
        "pages.css",
        "dialogs.css",
        "small.css",
        "extra.css",
        "actions.css",
    ),
    "app.js": (
        "vendor/idiomorph-0.8.0.min.js",
        "theme.js",
        "times.js",
        "live.js",
        "keys.js",
        "palette.js",
        "actions.js",
    ),
}
_TYPES: Final = {
    ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".woff2": "font/woff2", ".svg": "image/svg+xml"
}  # fmt: skip
_FOREVER: Final = "public, max-age=31536000, immutable"


def _load() -> tuple[dict[str, str], dict[str, tuple[bytes, str]]]:
    folder = files("tickover_ui") / "static"
    names: dict[str, str] = {}
    contents: dict[str, tuple[bytes, str]] = {}
    for name in _NAMES:  # fonts first: a style sheet's own hash must change with theirs
        data = b"\n".join((folder / part).read_bytes() for part in _PARTS.get(name, (name,)))
        path = PurePosixPath(name)
        if path.suffix == ".css":
            data = re.sub(
                rb'url\("([^"]+)"\)', lambda found: b'url("' + names[found[1].decode()].encode() + b'")', data
            )
        hashed = f"{path.stem}.{hashlib.sha256(data).hexdigest()[:10]}{path.suffix}"
        names[name], contents[hashed] = hashed, (data, _TYPES[path.suffix])
    return names, contents


NAMES, _CONTENTS = _load()


@router.get("/static/{name}")
def static(name: str) -> Response:
    """One file. No secret is in any, and a log-in page will need them: so they need no role."""
    if name not in _CONTENTS:
        raise Problem(404, "not-found", "There is no such file.")
    data, kind = _CONTENTS[name]
    return Response(data, media_type=kind, headers={"Cache-Control": _FOREVER})
