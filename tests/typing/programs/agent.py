"""An agent: async, JSON all the way, tools as plain async functions, several at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from pydantic import BaseModel

from tickover import JSON, AsyncContext, Tickover

jobs = Tickover("sqlite://")


class ToolCall(BaseModel):
    name: str
    args: dict[str, JSON]


class Reply(BaseModel):
    text: str
    calls: list[ToolCall] = []


async def ask(messages: list[JSON]) -> Reply:
    if len(messages) == 1:
        return Reply(
            text="", calls=[ToolCall(name="search", args={"q": "x"}), ToolCall(name="count", args={"n": [1, 2]})]
        )
    return Reply(text=f"done after {len(messages)} messages")


async def search(args: dict[str, JSON]) -> str:
    return f"hits for {args['q']}"


async def count(args: dict[str, JSON]) -> str:
    return str(args["n"])


TOOLS: dict[str, Callable[[dict[str, JSON]], Awaitable[str]]] = {"search": search, "count": count}


@jobs.job(retries=5)
async def agent(ctx: AsyncContext, task: str) -> Reply:
    messages: list[JSON] = [{"role": "user", "content": task}]
    for turn in range(20):
        await ctx.check()
        reply = await ask(messages)
        if not reply.calls:
            return reply
        outputs = await asyncio.gather(*(TOOLS[call.name](call.args) for call in reply.calls))
        messages += [{"role": "tool", "content": output} for output in outputs]
        ctx.progress(turn / 20, f"turn {turn}")
    return Reply(text="gave up")


if __name__ == "__main__":
    with jobs:
        jobs.migrate()
        job_id = agent.enqueue("look it up")
        jobs.drain(10)
        assert agent.result(job_id) == Reply(text="done after 3 messages")
