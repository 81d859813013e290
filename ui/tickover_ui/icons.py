"""The icons: one inline sprite, drawn by hand on 16 px, and the marks of states, which differ in shape before colour."""

from __future__ import annotations

from typing import Final

from markupsafe import Markup

_ICONS: Final = {
    "overview": '<path d="M2.5 9.5 5 6.5l2.5 2.5L10 4l3.5 6"/><path d="M2.5 13h11"/>',
    "jobs": '<path d="M2.5 4h11M2.5 8h11M2.5 12h7"/>',
    "flow": '<rect x="2" y="2.5" width="4.5" height="3.5" rx="1"/><rect x="9.5" y="6.25" width="4.5" height="3.5" rx="1"/><rect x="2" y="10" width="4.5" height="3.5" rx="1"/><path d="M6.5 4.25h1.2c.7 0 .8.5.8 1v5.5c0 .5-.1 1-.8 1H6.5M8.5 8h1"/>',
    "dead": '<path d="M8 2.2 14 13H2Z"/><path d="M8 6.4v3.2M8 11.3v.1"/>',
    "ticks": '<path d="M2 12.5V6M5 12.5V3.5M8 12.5V6M11 12.5V3.5M14 12.5V6"/>',
    "lease": '<circle cx="5.4" cy="10.6" r="2.9"/><path d="m7.5 8.5 5.5-5.5M10.6 5.4l1.9 1.9"/>',
    "cal": '<rect x="2" y="3" width="12" height="11" rx="1.5"/><path d="M2 6.5h12M5.2 1.8V4M10.8 1.8V4"/>',
    "queues": '<rect x="2" y="2.5" width="12" height="3" rx="1"/><rect x="2" y="6.6" width="12" height="3" rx="1"/><rect x="2" y="10.7" width="7.5" height="3" rx="1"/>',
    "audit": '<path d="M3.5 2h6L13 5.4V14H3.5Z"/><path d="M6 8h4.5M6 10.8h4.5"/>',
    "search": '<circle cx="7" cy="7" r="4.3"/><path d="m10.3 10.3 3.4 3.4"/>',
    "clock": '<circle cx="8" cy="8" r="6"/><path d="M8 4.5V8l2.3 1.7"/>',
    "theme": '<circle cx="8" cy="8" r="5.5"/><path d="M8 2.5v11a5.5 5.5 0 0 0 0-11Z" fill="currentColor"/>',
    "keyboard": '<rect x="1.5" y="4" width="13" height="8.5" rx="1.5"/><path d="M4 6.8h.1M6.6 6.8h.1M9.3 6.8h.1M12 6.8h.1M4.7 9.8h6.6"/>',
    "menu": '<path d="M2.5 4.5h11M2.5 8h11M2.5 11.5h11"/>',
    "chev": '<path d="m6 3.8 4.2 4.2L6 12.2"/>',
    "down": '<path d="m3.8 6 4.2 4.2L12.2 6"/>',
    "retry": '<path d="M13 8a5 5 0 1 1-1.6-3.7"/><path d="M13.2 2.2v2.9h-2.9"/>',
    "pause": '<path d="M5.5 3.5v9M10.5 3.5v9"/>',
    "play": '<path d="M5 3.2 12.5 8 5 12.8Z"/>',
    "x": '<path d="m4 4 8 8M12 4l-8 8"/>',
    "check": '<path d="m3 8.5 3.2 3.2L13 4.8"/>',
    "copy": '<rect x="5.5" y="5.5" width="8" height="8" rx="1.5"/><path d="M3 10.5V4a1.4 1.4 0 0 1 1.4-1.4h6"/>',
    "link": '<path d="M6.8 9.2a2.7 2.7 0 0 0 3.9 0l2-2a2.75 2.75 0 0 0-3.9-3.9l-.8.8"/><path d="M9.2 6.8a2.7 2.7 0 0 0-3.9 0l-2 2a2.75 2.75 0 0 0 3.9 3.9l.8-.8"/>',
    "signal": '<path d="M8 13V8"/><circle cx="8" cy="6" r="1.6"/><path d="M4.7 9.3a4.7 4.7 0 0 1 0-6.6M11.3 9.3a4.7 4.7 0 0 0 0-6.6"/>',
    "moon": '<path d="M13 9.6A5.4 5.4 0 0 1 6.4 3a5.4 5.4 0 1 0 6.6 6.6Z"/>',
    "snow": '<path d="M8 1.8v12.4M2.6 4.9l10.8 6.2M13.4 4.9 2.6 11.1"/>',
    "timer": '<circle cx="8" cy="9" r="5"/><path d="M8 6.2V9M6.2 1.8h3.6M8 1.8V4"/>',
    "chain": '<rect x="1.8" y="5.8" width="6" height="4.4" rx="2.2"/><rect x="8.2" y="5.8" width="6" height="4.4" rx="2.2"/>',
    "hook": '<path d="M11 2.2v5.4a3.9 3.9 0 1 1-7.8 0"/><path d="m1.4 9.2 1.8-1.9L5 9.2"/><circle cx="11" cy="2.6" r=".6"/>',
    "sqs": '<path d="M2.2 4.6 8 2l5.8 2.6L8 7.2Z"/><path d="M2.2 8 8 10.6 13.8 8M2.2 11.4 8 14l5.8-2.6"/>',
    "hand": '<path d="M5 8.5V4.2a1 1 0 0 1 2 0V7m0-3.6a1 1 0 0 1 2 0V7m0-2.8a1 1 0 0 1 2 0v5.2c0 2.6-1.5 4.4-4 4.4-1.9 0-3-.9-4-2.8L3 9.3c-.4-.8.6-1.5 1.2-.8L5 9.4"/>',
    "filter": '<path d="M2.5 3.5h11L9.4 8.4v4.1l-2.8 1V8.4Z"/>',
    "bolt": '<path d="M9 1.8 3.5 9H8l-1 5.2L12.5 7H8Z"/>',
    "lock": '<rect x="3" y="7" width="10" height="7" rx="1.5"/><path d="M5.2 7V5a2.8 2.8 0 0 1 5.6 0v2"/>',
    "eye": '<path d="M1.8 8S4 3.8 8 3.8 14.2 8 14.2 8 12 12.2 8 12.2 1.8 8 1.8 8Z"/><circle cx="8" cy="8" r="1.9"/>',
    "eyeoff": '<path d="M2 8s2.2-4 6-4 6 4 6 4-2.2 4-6 4-6-4-6-4Z"/><path d="m3 13 10-10"/>',
    "plus": '<path d="M8 3v10M3 8h10"/>',
    "trash": '<path d="M2.8 4.5h10.4M6.3 4.5V2.8h3.4v1.7M4.2 4.5l.6 9h6.4l.6-9"/>',
    "out": '<path d="M6.5 3H3v10h10V9.5M9 2.8h4.2V7M13 3 7.5 8.5"/>',
    "rows": '<path d="M2.5 3.5h11M2.5 6.5h11M2.5 9.5h11M2.5 12.5h11"/>',
    "globe": '<circle cx="8" cy="8" r="6"/><path d="M2 8h12M8 2c2.2 2 2.2 10 0 12M8 2c-2.2 2-2.2 10 0 12"/>',
}  # fmt: skip
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
    "scheduled": f'{_RING}/><path d="M7 4.5V7l1.6 1.2" fill="none" stroke="currentColor" stroke-width="1.3"/>',
    "retrying": '<path d="M11.2 7a4.2 4.2 0 1 1-1.4-3.1" fill="none" stroke="currentColor" stroke-width="1.6"/>'
    '<path d="M11.6 1.9v2.7H8.9Z" fill="currentColor"/>',
}
_TONES: Final = {
    "pending": "sched", "running": "run", "waiting": "wait", "paused": "off", "completed": "ok", "failed": "dead",
    "cancelled": "off", "retrying": "retry", "scheduled": "sched",
}  # fmt: skip


def sprite() -> Markup:
    """Every symbol; once in a page."""
    icons = "".join(f'<symbol id="i-{name}" viewBox="0 0 16 16">{drawn}</symbol>' for name, drawn in _ICONS.items())
    states = "".join(f'<symbol id="s-{name}" viewBox="0 0 14 14">{drawn}</symbol>' for name, drawn in _STATES.items())
    return Markup(icons + states)  # noqa: S704  # ours, above


def icon(name: str, size: int = 16, cls: str = "") -> Markup:
    """One icon, silent to screen readers: what it means is said beside it."""
    return Markup('<svg class="ic {2}" width="{0}" height="{0}" aria-hidden="true"><use href="#i-{1}"/></svg>').format(
        size, name, cls
    )


def art() -> Markup:
    """The ruler of an empty page: what would be there, and now."""
    return Markup(
        '<svg class="art" width="150" height="56" viewBox="0 0 150 56" aria-hidden="true"><path d="M5 46.5h140" class="s-line w15"/>'
        '<path d="M15 46v-8M35 46v-14M55 46v-8M75 46v-14M95 46v-8M115 46v-14M135 46v-8" class="tooth2"/>'
        '<rect x="39" y="12" width="58" height="11" rx="3" class="ghostbar"/><rect x="101" y="12" width="22" height="11" rx="3" class="ghostbar"/>'
        '<path d="M97 6v34" class="nowl"/></svg>'
    )


def state(name: str, label: str | None = None) -> Markup:
    """A state: its mark, its colour and its name."""
    return Markup('<span class="st t-{}">{}{}</span>').format(_TONES[name], mark(name), label or name.capitalize())


def tone(name: str) -> str:
    """The colour of a state, as the style sheet names it."""
    return _TONES[name]


def glyph(name: str) -> Markup:
    """A state's mark alone, named for screen readers."""
    return Markup('<span class="gl t-{}">{}<span class="sr">{}</span></span>').format(_TONES[name], mark(name), name)


def mark(name: str) -> Markup:
    """A state's mark, silent: its name is beside it."""
    return Markup('<svg width="14" height="14" aria-hidden="true"><use href="#s-{}"/></svg>').format(name)
