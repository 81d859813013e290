"""An agent: async, JSON all the way, model and tools as steps, several tools at once, a failed tool as a message."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from pydantic import BaseModel

from tickover import JSON, AsyncContext, StepFailed, Tickover

jobs = Tickover("sqlite://")


class ToolCall(BaseModel):
    name: str
    args: dict[str, JSON]


class Reply(BaseModel):
    text: str
    calls: list[ToolCall] = []


async def ask(messages: list[JSON]) -> Reply:
    if len(messages) == 1:
        calls = [("search", {"q": "x"}), ("count", {"n": [1, 2]})]
        return Reply(text="", calls=[ToolCall.model_validate({"name": name, "args": args}) for name, args in calls])
    if len(messages) == 4:
        return Reply(text="", calls=[ToolCall(name="broken", args={})])
    return Reply(text=f"done after {len(messages)} messages")


async def search(args: dict[str, JSON]) -> str:
    return f"hits for {args['q']}"


async def count(args: dict[str, JSON]) -> str:
    return str(args["n"])


async def broken(args: dict[str, JSON]) -> str:
    raise ConnectionError("no answer")


def price(args: dict[str, JSON]) -> float:
    return len(args) * 0.5


TOOLS: dict[str, Callable[[dict[str, JSON]], Awaitable[str]]] = {"search": search, "count": count, "broken": broken}


@jobs.job(retries=5)
async def agent(ctx: AsyncContext, task: str) -> Reply:
    messages: list[JSON] = [{"role": "user", "content": task}]
    for turn in range(20):
        await ctx.check()
        reply = await ctx.using(retries=3, timeout=120).step("model", ask, messages)
        if not reply.calls:
            return reply
        try:
            outputs = await ctx.gather(*[ctx.step(call.name, TOOLS[call.name], call.args) for call in reply.calls])
        except StepFailed as failure:
            outputs = [failure.message]
        paid = await ctx.step("price", price, {"calls": len(outputs)})
        messages += [{"role": "tool", "content": output} for output in (*outputs, f"{paid:.2f}")]
        ctx.progress(turn / 20, f"turn {turn}")
    return Reply(text="gave up")


@jobs.job
async def pair(ctx: AsyncContext) -> tuple[str, float]:
    text, number = await ctx.gather(ctx.step("count", count, {"n": 1}), ctx.step("price", price, {"n": 1}))
    return (text, number)


if __name__ == "__main__":
    with jobs:
        jobs.migrate()
        job_id, two = agent.enqueue("look it up"), pair.enqueue()
        jobs.drain(20)
        assert agent.result(job_id) == Reply(text="done after 6 messages")
        assert pair.result(two) == ("1", 0.5)
