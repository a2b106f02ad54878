"""The supervisor: starts workers that listen on one socket, replaces those that die, and reloads them in turn."""

import asyncio
import logging
import signal
import subprocess
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from services.workers.instructions import READY, Instructions

logger = logging.getLogger("repartee.workers")

# Seconds before a worker that has died is replaced, and the most after several that died at once.
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 10.0
# A worker that has lived for so many seconds has not died at once.
SETTLED_SECONDS = 10.0


class WorkerFailed(Exception):
    """A worker ended before it was ready; it has said why."""

    def __init__(self, code: int) -> None:
        super().__init__(f"A worker ended with code {code} while it started.")
        self.code = code


class Worker:
    """A place among the workers: the process in it may be replaced."""

    def __init__(self, command: Sequence[str], instructions: Instructions, patience: float) -> None:
        self._command = command
        self._instructions = instructions
        self._patience = patience
        self.number = instructions.number
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Starts a process, and returns once it answers requests. Raises WorkerFailed."""
        process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=[self._instructions.listener],
            # A Ctrl-C is for the supervisor, who tells them.
            start_new_session=True,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        with suppress(ConnectionError):
            process.stdin.write(self._instructions.line())
            await process.stdin.drain()
        if await process.stdout.readline() != READY:
            raise WorkerFailed(await process.wait())
        self.process = process

    def tell(self, sign: signal.Signals) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(sign)

    async def end(self) -> None:
        await self.end_process(self.process)

    async def end_process(self, process: asyncio.subprocess.Process | None) -> None:
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.terminate()
            try:
                async with asyncio.timeout(self._patience):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()


class Supervisor:
    """`command` starts a worker, which reads `instructions`, each with a number of its own.

    A worker that has not ended `patience` seconds after it was told to is killed.
    """

    def __init__(self, command: Sequence[str], count: int, instructions: Instructions, patience: float) -> None:
        numbered = [replace(instructions, number=number) for number in range(1, count + 1)]
        self._workers = [Worker(command, one, patience) for one in numbered]
        self._changing = asyncio.Lock()
        self._stopping = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, is_ready: Callable[[], None]) -> None:
        """Returns when all workers have ended after a SIGTERM or SIGINT. Raises WorkerFailed at the start."""
        self._handle_signals()
        try:
            # The first one brings the tables up to date; the others find them so.
            await self._workers[0].start()
            await asyncio.gather(*(worker.start() for worker in self._workers[1:]))
            is_ready()
            for worker in self._workers:
                self._begin(self._keep(worker))
            await self._stopping.wait()
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await asyncio.gather(*(worker.end() for worker in self._workers))

    def _begin(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _handle_signals(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._stop)
        loop.add_signal_handler(signal.SIGINT, self._stop)
        loop.add_signal_handler(signal.SIGHUP, lambda: self._begin(self._reload()))

    def _stop(self) -> None:
        # The second Ctrl-C waits for no reply; a worker knows it by the kind of signal.
        is_again = self._stopping.is_set()
        self._stopping.set()
        for worker in self._workers:
            worker.tell(signal.SIGINT if is_again else signal.SIGTERM)

    async def _keep(self, worker: Worker) -> None:
        """Replaces the worker's process whenever it has died."""
        loop, pause = asyncio.get_running_loop(), FIRST_PAUSE
        while True:
            process, began = worker.process, loop.time()
            assert process is not None
            code = await process.wait()
            if self._stopping.is_set():
                return
            if worker.process is not process:
                continue
            pause = FIRST_PAUSE if loop.time() - began > SETTLED_SECONDS else min(2 * pause, LONGEST_PAUSE)
            logger.error("Worker %d ended with code %d; it is started again.", worker.number, code)
            async with self._changing:
                await self._restart(worker, pause)

    async def _restart(self, worker: Worker, pause: float) -> None:
        while True:
            await asyncio.sleep(pause)
            try:
                return await worker.start()
            except (WorkerFailed, OSError) as error:
                logger.error("Worker %d could not be started: %s", worker.number, error)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _reload(self) -> None:
        """Starts each worker anew, one after the other, and ends the old process once the new one answers."""
        async with self._changing:
            for worker in self._workers:
                old = worker.process
                try:
                    await worker.start()
                except (WorkerFailed, OSError) as error:
                    logger.error("Worker %d stays as it is: %s", worker.number, error)
                    return
                await worker.end_process(old)
        logger.info("All workers were reloaded.")
