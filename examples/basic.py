"""Fire and forget: register a handler, enqueue two jobs, run them in one tick.

Run it: .venv/bin/python examples/basic.py
"""

from dataclasses import dataclass

from tickover import Tickover

jobs = Tickover("sqlite://")  # in memory, for the example; a file is sqlite:///jobs.db, production is postgresql://…


@dataclass
class Email:
    """What a `send-email` job needs; validated when it is enqueued and again before it runs."""

    to: str
    subject: str


@jobs.job("send-email")
def send_email(email: Email) -> None:
    print(f"Sending email to {email.to}: {email.subject}\n", end="")  # in one piece: two jobs may say something at once


def main() -> None:
    jobs.migrate()  # creates the tables; safe to repeat

    send_email.enqueue(Email("user@example.com", "Hello"))
    send_email.using(priority=100).enqueue(Email("admin@example.com", "Report"))  # higher runs first

    report = jobs.tick(10, concurrency=1)  # ten seconds at most; it returns as soon as nothing is due
    print(f"The tick ran {report.completed} jobs and stopped because it was {report.stopped_because}.")


if __name__ == "__main__":
    main()
