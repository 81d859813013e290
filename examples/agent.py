"""An AI agent: a loop of model and tools whose every answer is recorded, so that a failure pays for none of it twice.

The model is a stub here, so that this needs no key. Run it: .venv/bin/python examples/agent.py
"""

from collections import Counter
from collections.abc import Awaitable, Callable

from pydantic import BaseModel

from tickover import AsyncContext, ExponentialBackoff, StepFailed, Tickover

jobs = Tickover("sqlite://")
paid: Counter[str] = Counter()


class Message(BaseModel):
    role: str
    text: str


class ToolCall(BaseModel):
    name: str
    about: str


class Reply(BaseModel):
    text: str = ""
    calls: list[ToolCall] = []
    #: What the model wants to know from the user.
    question: str | None = None


async def model(messages: list[Message]) -> Reply:
    """Three turns: look things up, ask the user, answer; and the service is overloaded when it is asked a third time."""
    paid["model"] += 1
    if paid["model"] == 3:
        raise ConnectionError("the model is overloaded")
    match len(messages):
        case 1:
            return Reply(calls=[ToolCall(name=name, about="the trip") for name in ("trains", "weather", "prices")])
        case 4:
            return Reply(question="First or second class?")
    return Reply(text="; ".join(message.text for message in messages[1:]))


async def trains(about: str) -> str:
    paid["trains"] += 1
    return f"a train at 9:00 for {about}"


async def weather(about: str) -> str:
    paid["weather"] += 1
    return f"no rain on {about}"


async def prices(_about: str) -> str:
    paid["prices"] += 1
    raise TimeoutError("no prices: the service did not answer")


TOOLS: dict[str, Callable[[str], Awaitable[str]]] = {"trains": trains, "weather": weather, "prices": prices}


async def use(ctx: AsyncContext, call: ToolCall) -> Message:
    """One tool. A failure that is caught is recorded like a value: the model gets to know it, and so does every replay."""
    try:
        return Message(role="tool", text=await ctx.step(call.name, TOOLS[call.name], call.about))
    except StepFailed as failure:
        return Message(role="tool", text=failure.message)


@jobs.job(retries=5, backoff=ExponentialBackoff(initial=0.05, jitter=0))
async def agent(ctx: AsyncContext, task: str) -> str:
    messages = [Message(role="user", text=task)]
    for _turn in range(10):
        reply = await ctx.using(timeout=120).step("model", model, messages)
        if reply.calls:
            messages += await ctx.gather(*(use(ctx, call) for call in reply.calls))  # at once
        elif reply.question is not None:
            print(f"agent asks: {reply.question}")  # outside a step: at every replay again
            answer = await ctx.wait_for_signal("answer", returns=str)  # no slot, no process, however long it takes
            messages.append(Message(role="user", text=f"{answer} class"))
        else:
            return reply.text
    return "gave up"


def main() -> None:
    jobs.migrate()
    job_id = agent.enqueue("plan my trip")

    jobs.drain(timeout=10)
    print(f"the agent is {jobs.get(job_id).state}; somebody answers")
    jobs.signal(job_id, "answer", "second")
    jobs.drain(timeout=10)

    job = jobs.get(job_id)
    print(f"{job.state}: {job.result}")
    print(f"The handler ran {job.starts} times. Really asked: {', '.join(f'{name} {n}x' for name, n in paid.items())}.")
    for step in job.steps:
        print(f"  {step.key:<21} {step.kind:<7} {step.error or step.value}")


if __name__ == "__main__":
    main()
