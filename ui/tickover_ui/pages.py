"""Templates to responses: the frame of every page, and the words and drawings that templates may use."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from tickover import Tickover
from tickover.errors import InvalidArgument, StorageUnavailable
from tickover.store.audit_rows import NoteView, find_notes
from tickover.web.access import Caller
from tickover_ui import assets, icons, reading, svg, words
from tickover_ui.actions.names import NAMES
from tickover_ui.forms import token
from tickover_ui.queries.frame import Frame
from tickover_ui.queries.frame import frame as read_frame

#: (group, [(path, icon, name, the key after `g`)]).
NAVIGATION: Final = (
    ("Watch", (("/", "overview", "Overview", "o"), ("/ticks", "ticks", "Ticks", "t"), ("/leases", "lease", "Leases", "l"))),
    ("Work", (("/jobs", "jobs", "Jobs", "j"), ("/workflows", "flow", "Workflows", "w"), ("/dead", "dead", "Dead letters", "d"))),
    ("Set up", (("/queues", "queues", "Queues", "q"), ("/schedules", "cal", "Schedules", "s"), ("/audit", "audit", "Audit log", "a"))),
)  # fmt: skip
_TEMPLATES: Final = Environment(
    loader=PackageLoader("tickover_ui"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.globals |= {
    "ic": icons.icon, "st": icons.state, "glyph": icons.glyph, "mark_of": icons.mark, "tone": icons.tone, "art": icons.art, "sprite": icons.sprite(),
    "duration": words.duration, "number": words.number, "document": words.document, "whole": words.whole, "happened_as": words.happened, "hm": words.hm, "hms": words.hms,
    "day": words.day, "spark": svg.spark, "segments": svg.segments, "known": NAMES, "static": assets.NAMES, "navigation": NAVIGATION,
    "len": len,
}  # fmt: skip


def page(request: Request, template: str, *, now: Any, frame: Frame | None = None, **seen: Any) -> HTMLResponse:
    """Renders a page. `now` is the time that its distances are told from; None where there is none, as in an error's page."""
    base = base_of(request)
    caller: Caller | None = getattr(request.state, "caller", None)
    around = {
        "base": base, "path": request.url.path.removeprefix(base) or "/", "link": linker(request), "caller": caller,
        "ago": lambda at: words.moment(at, now), "act": partial(_button, request, caller), "did": _did(request, caller),
        "log_out": token(request) if caller is not None and caller.session else "",
        "frame": frame or (None if now is None else read_frame(request.app.state.jobs)), "stream": "aws.event" not in request.scope,
    }  # fmt: skip
    text = _TEMPLATES.get_template(template).render(now=now, **around, **seen)
    # Not `no-referrer`, with which a browser says `Origin: null` even to the page's own site.
    return HTMLResponse(text, headers={"Referrer-Policy": "same-origin"})


def linker(request: Request) -> Callable[..., str]:
    """Addresses of pages, wherever the dashboard is mounted."""
    return partial(link_to, request)


def base_of(request: Request) -> str:
    """The path under which this application is mounted."""
    return str(request.scope.get("root_path", "")).rstrip("/")


def link_to(request: Request, to: str, **query: Any) -> str:
    """The address of a path of ours, with what is given of the query; a list is a name several times."""
    given = {name: value for name, value in query.items() if value}
    joint = "&" if "?" in to else "?"
    return f"{base_of(request)}{to}" + (f"{joint}{urlencode(given, doseq=True)}" if given else "")


def _button(
    request: Request, caller: Caller | None, name: str, label: str = "", /, *, small: bool = False, **about: Any
) -> Markup:
    """The button of an action on something; nothing for those who may not do it."""
    known = NAMES[name]
    if caller is None or not caller.may(known.role):
        return Markup("")
    look = "btn" + (" sm" if small else "") + (" danger" if known.danger else "")
    return Markup('<a class="{}" href="{}" data-act{}>{}{}</a>').format(
        look, link_to(request, f"/act/{name}", **about), Markup(' data-key="{}"').format(known.key) if known.key else "",
        icons.icon(known.icon), label or known.label,
    )  # fmt: skip


def _did(request: Request, caller: Caller | None) -> NoteView | None:
    """What this caller has just done, when the address says so."""
    note_id = request.query_params.get("did", "")
    if caller is None or not note_id:
        return None
    jobs: Tickover = request.app.state.jobs
    try:
        found = reading.read(jobs, lambda store: find_notes(store, limit=1, note_id=note_id, who=caller.name))
    except (InvalidArgument, StorageUnavailable):
        return None  # a notice that cannot be had is none; the page itself says what is wrong
    return found[0] if found else None
