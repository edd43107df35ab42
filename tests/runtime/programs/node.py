"""A small node on the real loop: says what it does on standard output, line by line, and stops on signals."""

import asyncio
import logging
import sys

import structlog

from xtrade.runtime.real import run
from xtrade.runtime.shutdown import Shutdown
from xtrade.runtime.supervisor import Supervisor


def say(line):
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def feed():
    try:
        await asyncio.Event().wait()
    finally:
        say("feed ended")


async def cancel_orders():
    say("cancelling orders")


async def hang():
    say("hanging")
    await asyncio.Event().wait()


async def block():
    say("blocking")
    while True:
        pass


async def main():
    stop = Shutdown()
    with stop.on_signals():
        async with Supervisor("node") as tasks:
            tasks.start(feed)
            stop.step("orders", cancel_orders, deadline_ms=10_000)
            for trouble in (hang, block):
                if trouble.__name__ in sys.argv:
                    stop.step(trouble.__name__, trouble, deadline_ms=60_000)
            stop.step("tasks", tasks.stop, deadline_ms=10_000)
            say(f"up on {type(asyncio.get_running_loop()).__module__.partition('.')[0]}")
            report = await stop.when_asked()
    say(f"stopped by {report.reason}: " + ", ".join(f"{step.name} {step.outcome}" for step in report.steps))
    return 0 if report.clean else 1


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    if "asyncio" in sys.argv:
        sys.modules["uvloop"] = None
    sys.exit(run(main))
