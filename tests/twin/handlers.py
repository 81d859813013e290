"""Handlers for the twin's own tests, run by real awslambdaric processes."""

from __future__ import annotations

import os
import threading
import time
from typing import Any

_gaps: list[float] = []
_begun = threading.Event()


def _watch() -> None:
    last = time.monotonic()
    while True:
        time.sleep(0.02)
        now = time.monotonic()
        if now - last > 0.3:
            _gaps.append(now - last)
        last = now


def work(event: Any, context: Any) -> Any:
    """Does what the event says."""
    if not _begun.is_set():
        _begun.set()
        threading.Thread(target=_watch, daemon=True).start()
    match (event or {}).get("do"):
        case "sleep":
            time.sleep(event["seconds"])
        case "exit":
            os._exit(3)
        case "raise":
            raise ValueError("as asked")
        case "call":
            import boto3

            boto3.client("lambda").invoke(
                FunctionName=event["function"], InvocationType="Event", Payload=b'{"do": "chain"}'
            )
        case "chain":
            import boto3

            boto3.client("lambda").invoke(
                FunctionName=context.function_name, InvocationType="Event", Payload=b'{"do": "chain"}'
            )
        case "batch":
            return {}
    if "Records" in (event or {}):
        bad = [
            r["messageId"]
            for r in event["Records"]
            if "bad" in r["body"] and r["attributes"]["ApproximateReceiveCount"] == "1"
        ]
        return {"batchItemFailures": [{"itemIdentifier": one} for one in bad]}
    if "rawPath" in (event or {}):
        return {"statusCode": 201, "headers": {"x-said": "yes"}, "body": event["rawPath"], "cookies": ["a=1"]}
    return {
        "left": context.get_remaining_time_in_millis(),
        "gaps": _gaps,
        "pid": os.getpid(),
        "name": context.function_name,
    }
