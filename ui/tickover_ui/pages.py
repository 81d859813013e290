"""Templates to responses: the frame of every page, and the words and drawings that templates may use."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from tickover_ui import assets, charts, icons, words

_NAVIGATION: Final = (
    ("Watch", (("/", "overview", "Overview"),)),
    ("Work", (("/jobs", "jobs", "Jobs"), ("/dead", "dead", "Dead letters"))),
)
_TEMPLATES: Final = Environment(
    loader=PackageLoader("tickover_ui"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.globals |= {
    "ic": icons.icon, "st": icons.state, "glyph": icons.glyph, "sprite": icons.sprite(), "duration": words.duration,
    "number": words.number, "document": words.document, "columns": charts.columns, "share": charts.share,
    "static": assets.NAMES, "navigation": _NAVIGATION, "len": len,
}  # fmt: skip


def page(request: Request, template: str, *, now: Any, **seen: Any) -> HTMLResponse:
    """Renders a page. `now` is the time that its distances are told from."""
    base = request.scope.get("root_path", "").rstrip("/")
    path = request.url.path.removeprefix(base) or "/"

    def link(to: str, **query: Any) -> str:
        given = {name: value for name, value in query.items() if value}
        return f"{base}{to}" + (f"?{urlencode(given)}" if given else "")

    def ago(at: Any) -> Any:
        return words.moment(at, now)

    text = _TEMPLATES.get_template(template).render(now=now, base=base, path=path, link=link, ago=ago, **seen)
    return HTMLResponse(text)
