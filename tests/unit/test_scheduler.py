"""The gate lets the right call through next."""

import asyncio

from rankk.llm.scheduler import PriorityGate


def test_no_more_calls_than_places_are_under_way():
    running = peak = 0

    async def call(gate):
        nonlocal running, peak
        async with gate.slot(0):
            running += 1
            peak = max(peak, running)
            await asyncio.sleep(0)
            running -= 1

    async def main():
        gate = PriorityGate(3)
        await asyncio.gather(*(call(gate) for _ in range(20)))

    asyncio.run(main())
    assert peak == 3


def test_waiting_calls_go_by_priority_then_by_arrival():
    order = []

    async def call(gate, name, priority):
        async with gate.slot(priority):
            order.append(name)
            await asyncio.sleep(0)

    async def main():
        gate = PriorityGate(1)
        names = [("first", 0), ("late", 0), ("urgent", -5), ("later", 0), ("urgent too", -5)]
        await asyncio.gather(*(call(gate, name, priority) for name, priority in names))

    asyncio.run(main())
    assert order == ["first", "urgent", "urgent too", "late", "later"]


def test_a_cancelled_waiter_gives_its_place_to_the_next():
    async def main():
        gate = PriorityGate(1)
        done = []

        async def call(name):
            async with gate.slot(0):
                done.append(name)
                await asyncio.sleep(0.01)

        holder = asyncio.create_task(call("holder"))
        await asyncio.sleep(0)
        waiter, next_one = asyncio.create_task(call("cancelled")), asyncio.create_task(call("next"))
        await asyncio.sleep(0)
        waiter.cancel()
        await asyncio.gather(holder, next_one)
        return done

    assert asyncio.run(main()) == ["holder", "next"]
