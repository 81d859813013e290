"""The icons: one inline sprite, drawn by hand on 16 px, and the marks of states, which differ in shape before colour."""

from __future__ import annotations

from typing import Final

from markupsafe import Markup

_ICONS: Final = {
    "overview": '<path d="M2.5 9.5 5 6.5l2.5 2.5L10 4l3.5 6"/><path d="M2.5 13h11"/>',
    "jobs": '<path d="M2.5 4h11M2.5 8h11M2.5 12h7"/>',
    "dead": '<path d="M8 2.2 14 13H2Z"/><path d="M8 6.4v3.2M8 11.3v.1"/>',
    "ticks": '<path d="M2 12.5V6M5 12.5V3.5M8 12.5V6M11 12.5V3.5M14 12.5V6"/>',
    "lease": '<circle cx="5.4" cy="10.6" r="2.9"/><path d="m7.5 8.5 5.5-5.5M10.6 5.4l1.9 1.9"/>',
    "theme": '<circle cx="8" cy="8" r="5.5"/><path d="M8 2.5v11a5.5 5.5 0 0 0 0-11Z" fill="currentColor"/>',
    "pause": '<path d="M5.5 3.5v9M10.5 3.5v9"/>',
    "check": '<path d="m3 8.5 3.2 3.2L13 4.8"/>',
    "chev": '<path d="m6 3.8 4.2 4.2L6 12.2"/>',
    "filter": '<path d="M2.5 3.5h11L9.4 8.4v4.1l-2.8 1V8.4Z"/>',
    "audit": '<path d="M3.5 2h6L13 5.4V14H3.5Z"/><path d="M6 8h4.5M6 10.8h4.5"/>',
    "retry": '<path d="M13 8a5 5 0 1 1-1.6-3.7"/><path d="M13.2 2.2v2.9h-2.9"/>',
    "play": '<path d="M5 3.2 12.5 8 5 12.8Z"/>',
    "x": '<path d="m4 4 8 8M12 4l-8 8"/>',
    "plus": '<path d="M8 3v10M3 8h10"/>',
    "eye": '<path d="M1.8 8S4 3.8 8 3.8 14.2 8 14.2 8 12 12.2 8 12.2 1.8 8 1.8 8Z"/><circle cx="8" cy="8" r="1.9"/>',
    "trash": '<path d="M3 4.5h10M6.3 4.5V2.8h3.4v1.7M4.3 4.5l.6 8.7h6.2l.6-8.7"/>',
    "signal": '<circle cx="8" cy="6" r="1.4"/><path d="M8 7.4V14M4.9 9.1a4.4 4.4 0 0 1 0-6.2M11.1 2.9a4.4 4.4 0 0 1 0 6.2"/>',
    "clock": '<circle cx="8" cy="8" r="6"/><path d="M8 4.5V8l2.3 1.7"/>',
}
_RING: Final = '<circle cx="7" cy="7" r="4.6" fill="none" stroke="currentColor" stroke-width="1.6"'
_DISC: Final = '<circle cx="7" cy="7" r="5.4" fill="currentColor"/>'
_STATES: Final = {
    "pending": f"{_RING}/>",
    "running": f'{_RING}/><path d="M7 3.9a3.1 3.1 0 0 1 0 6.2Z" fill="currentColor"/>',
    "waiting": f'{_RING} stroke-dasharray="2.1 1.51"/>',
    "paused": f'{_DISC}<path d="M5.6 5v4M8.4 5v4" class="knock" stroke-width="1.5"/>',
    "completed": f'{_DISC}<path d="m4.6 7.2 1.7 1.7 3.1-3.5" fill="none" class="knock" stroke-width="1.5"/>',
    "failed": '<path d="M7 1.2 12.8 7 7 12.8 1.2 7Z" fill="currentColor"/>'
    '<path d="m5.3 5.3 3.4 3.4M8.7 5.3 5.3 8.7" fill="none" class="knock" stroke-width="1.4"/>',
    "cancelled": f'{_RING}/><path d="m3.9 10.1 6.2-6.2" stroke="currentColor" stroke-width="1.5"/>',
    "retrying": '<path d="M11.2 7a4.2 4.2 0 1 1-1.4-3.1" fill="none" stroke="currentColor" stroke-width="1.6"/>'
    '<path d="M11.6 1.9v2.7H8.9Z" fill="currentColor"/>',
}
_TONES: Final = {
    "pending": "sched", "running": "run", "waiting": "wait", "paused": "off", "completed": "ok", "failed": "dead",
    "cancelled": "off", "retrying": "retry",
}  # fmt: skip


def sprite() -> Markup:
    """Every symbol; once in a page."""
    icons = "".join(f'<symbol id="i-{name}" viewBox="0 0 16 16">{drawn}</symbol>' for name, drawn in _ICONS.items())
    states = "".join(f'<symbol id="s-{name}" viewBox="0 0 14 14">{drawn}</symbol>' for name, drawn in _STATES.items())
    return Markup(icons + states)  # noqa: S704  # ours, above


def icon(name: str, size: int = 16) -> Markup:
    """One icon, silent to screen readers: what it means is said beside it."""
    return Markup('<svg class="ic" width="{0}" height="{0}" aria-hidden="true"><use href="#i-{1}"/></svg>').format(
        size, name
    )


def state(name: str, label: str | None = None) -> Markup:
    """A state: its mark, its colour and its name."""
    return Markup('<span class="st t-{}">{}{}</span>').format(_TONES[name], _mark(name), label or name.capitalize())


def glyph(name: str) -> Markup:
    """A state's mark alone, named for screen readers."""
    return Markup('<span class="gl t-{}">{}<span class="sr">{}</span></span>').format(_TONES[name], _mark(name), name)


def _mark(name: str) -> Markup:
    return Markup('<svg width="14" height="14" aria-hidden="true"><use href="#s-{}"/></svg>').format(name)
