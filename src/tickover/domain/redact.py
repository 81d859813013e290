"""Takes secrets out of error texts before they are stored: an exception often quotes the request that failed.

A pattern for each well-known shape, then any long run that looks random. What people need in order to find a fault stays:
UUIDs, hashes in hex, paths, numbers. Payloads are not touched: they are the user's, and `codec=` seals them.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final

MARK: Final = "[redacted]"
#: No error is stored longer than half of this; what is beyond it costs nothing and cannot be seen.
MOST: Final = 8192

# Every repetition is of one class of characters and bounded, so the time is linear in the text (tests/unit/test_redact).
_WORD: Final = r"[A-Za-z0-9_]{0,40}"
_NAME: Final = (
    rf"{_WORD}(?:passw(?:or)?d|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|account[_-]?key"
    rf"|credentials?|signature|auth[_-]?key|session[_-]?id|sessionid|x-amz-signature){_WORD}"
)
_PATTERNS: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    (
        re.compile(r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.{0,8192}?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|\Z)", re.DOTALL),
        MARK,
    ),
    # user:password@ of any URL; the user and the host are worth knowing
    (re.compile(r"(\b[A-Za-z][A-Za-z0-9+.-]{1,30}://[^\s:/@'\"]{0,100}):[^\s'\"/]{1,300}@"), rf"\1:{MARK}@"),
    # the shapes of providers: AWS, GitHub, Stripe, Slack, Google, GitLab, npm, OpenAI and Anthropic, SendGrid, Twilio
    (re.compile(r"\b(?:AKIA|ASIA|AGPA|AIDA|AROA|ANPA)[A-Z0-9]{16}\b"), MARK),
    (re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{20,255}|github_pat_[A-Za-z0-9_]{20,255})"), MARK),
    (re.compile(r"\b(?:(?:sk|pk|rk)_(?:live|test)_[A-Za-z0-9]{8,255}|whsec_[A-Za-z0-9+/=_-]{8,255})"), MARK),
    (re.compile(r"\bxox[abeoprs]-[A-Za-z0-9-]{8,255}|\bxapp-[A-Za-z0-9-]{8,255}"), MARK),
    (re.compile(r"hooks\.slack\.com/services/[A-Za-z0-9/]{8,255}"), f"hooks.slack.com/services/{MARK}"),
    (re.compile(r"\bAIza[A-Za-z0-9_-]{30,60}|\bya29\.[A-Za-z0-9_-]{10,1024}|\bGOCSPX-[A-Za-z0-9_-]{10,100}"), MARK),
    (re.compile(r"\b(?:glpat-|npm_|sk-ant-|sk-proj-|sk-|SG\.|dop_v1_|shpat_|pypi-)[A-Za-z0-9._-]{16,1024}"), MARK),
    # JSON Web Tokens
    (re.compile(r"\beyJ[A-Za-z0-9_-]{5,4096}\.[A-Za-z0-9_-]{2,8192}(?:\.[A-Za-z0-9_-]{0,4096})?"), MARK),
    # Authorization: Bearer …, Basic …, Token …
    (re.compile(r"\b(authorization['\"]?\s{0,3}[:=](?!\s{0,3}['\"]?\[redacted)\s{0,3}['\"]?)(?:[A-Za-z]{1,20}\s{1,3})?[^\s'\",;]{1,4096}", re.IGNORECASE), rf"\1{MARK}"),
    (re.compile(r"\b(bearer|basic)\s{1,3}(?=[^\s'\",;]{0,4096}[\d=._~+/-])[A-Za-z0-9._~+/=-]{6,4096}", re.IGNORECASE), rf"\1 {MARK}"),
    (re.compile(r"\b((?:set-)?cookie['\"]?\s{0,3}:(?!\s{0,3}\[redacted)\s{0,3})[^\n]{1,4096}", re.IGNORECASE), rf"\1{MARK}"),
    # password=…, "api_key": "…", PGPASSWORD=…, ?token=…
    (re.compile(rf"\b({_NAME}['\"]?\s{{0,3}}(?:=>|[:=])(?!\s{{0,3}}\[redacted)\s{{0,3}})(?:'[^'\n]{{1,1024}}'|\"[^\"\n]{{1,1024}}\"|[^\s'\"&;,)}}\]]{{1,1024}})", re.IGNORECASE), rf"\1{MARK}"),
)  # fmt: skip
_RUN: Final = re.compile(r"(?<![A-Za-z0-9+/_=-])[A-Za-z0-9+/_-]{32,8192}={0,2}(?![A-Za-z0-9+/_=-])")
_HEX_OR_UUID: Final = re.compile(r"(?:[0-9a-fA-F]{32,128}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})\Z")
_CHANGES: Final = 0.38  # of the kind of character, per character: chance makes 0.6 of them, camel case 0.3


def redact(text: str) -> str:
    """Returns the text with what looks like a secret replaced by `[redacted]`; at most its first 8,192 characters."""
    if len(text) > MOST:
        # A secret that is cut in two has lost its shape: the last word goes with the rest.
        head, blank, tail = text[:MOST].rpartition(" ")
        text = head + blank if blank and len(tail) <= MOST // 2 else text[:MOST]
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return _RUN.sub(_opaque, text)


def _opaque(found: re.Match[str]) -> str:
    """A long run as it is when it is a hash, a UUID, a path or a name; else the mark."""
    run = found[0]
    if _HEX_OR_UUID.match(run) or not _looks_random(run):
        return run
    return MARK


def _looks_random(run: str) -> bool:
    """Whether digits and letters of both cases alternate as only chance lets them: no path or identifier does."""
    if any(len(part) < 20 for part in run.split("/")) and run.count("/") > 1:
        return False  # a path
    kinds = ["a" if c.islower() else "A" if c.isupper() else "0" if c.isdigit() else "-" for c in run]
    return {"a", "A", "0"} <= set(kinds) and sum(a != b for a, b in pairwise(kinds)) >= _CHANGES * len(run)
