"""A crowd in sets: 400 tasks whose order is nobody's business. Prints the digest of one run under the given seed."""

import asyncio
import sys

from xtrade.runtime import chance
from xtrade.runtime.virtual import Trace, run_virtual


async def main():
    latency = chance.stream("venue/latency")
    trace = asyncio.get_running_loop().trace

    async def work(number):
        try:
            await asyncio.sleep(latency.random())
            if number % 50 == 49:
                raise LookupError(number)
        finally:
            await asyncio.sleep(latency.random())

    crowd = {asyncio.create_task(work(number)) for number in range(400)}
    done, pending = await asyncio.wait(crowd, timeout=1)
    for task in done | pending:
        trace.note(task.get_name())
    await asyncio.gather(*crowd, return_exceptions=True)

    loop = asyncio.get_running_loop()
    futures = {loop.create_future() for _ in range(400)}
    for future in futures:
        future.set_result(len({str(future.done())}))
    done, _ = await asyncio.wait(futures)
    for future in done:
        trace.note(str(hash(future)))

    try:
        async with asyncio.TaskGroup() as group:
            for number in range(400):
                group.create_task(work(number))
    except* LookupError as failures:
        for failure in failures.exceptions:
            trace.note(str(failure))

    async def prices(number):
        try:
            yield number
        finally:
            await asyncio.sleep(latency.random())
            trace.note(f"closed {number}")

    feeds = [prices(number) for number in range(400)]
    for feed in feeds:
        await anext(feed)
    trace.feeds = feeds  # left open: the end of the run closes them


if __name__ == "__main__":
    trace = Trace()
    run_virtual(main, seed=int(sys.argv[1]), trace=trace)
    sys.stdout.write(trace.digest)
