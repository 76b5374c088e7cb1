"""Processor time and memory of the measured processes, and who else used the machine meanwhile."""

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import psutil

_SAMPLE_SECONDS = 0.1


@dataclass(slots=True)
class Metered:
    """Of one run: processor seconds of the vault's tiers and of the database's processes, the
    largest memory of the tiers together in bytes, and the cores that other processes took."""

    seconds: float = 0.0
    server_cpu: float = 0.0
    database_cpu: float = 0.0
    memory: int = 0
    others_cores: float = 0.0


@dataclass(frozen=True, slots=True)
class Meter:
    """Watches processes. `database` gives the database's process, if it has any."""

    servers: Sequence[psutil.Process]
    database: Callable[[], psutil.Process | None] = field(default=lambda: None)

    @contextmanager
    def run(self) -> Iterator[Metered]:
        """Measure while the block runs; the result is complete after it."""
        result = Metered()
        stop = threading.Event()
        sampler = threading.Thread(target=self._sample, args=(result, stop), daemon=True)
        busy, server, database = _busy(), self._server_cpu(), self._database_cpu()
        own, began = _own(), time.perf_counter()
        sampler.start()
        try:
            yield result
        finally:
            result.seconds = time.perf_counter() - began
            result.server_cpu = self._server_cpu() - server
            result.database_cpu = max(0.0, self._database_cpu() - database)
            ours = result.server_cpu + result.database_cpu
            if not self._watches_itself():
                ours += _own() - own
            result.others_cores = max(0.0, _busy() - busy - ours) / result.seconds
            stop.set()
            sampler.join()

    def _server_cpu(self) -> float:
        return sum(_cpu(process) for process in self.servers)

    def _database_cpu(self) -> float:
        root = self.database()
        if root is None:
            return 0.0
        # Connections that ended meanwhile are in what their parent has waited for.
        ended = _cpu_of_children(root)
        return ended + sum(_cpu(process) for process in (root, *root.children(recursive=True)))

    def _watches_itself(self) -> bool:
        return os.getpid() in {process.pid for process in self.servers}

    def _sample(self, result: Metered, stop: threading.Event) -> None:
        while True:
            memory = sum(process.memory_info().rss for process in self.servers)
            result.memory = max(result.memory, memory)
            if stop.wait(_SAMPLE_SECONDS):
                return


def _cpu(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return times.user + times.system


def _cpu_of_children(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.children_user + times.children_system


def _own() -> float:
    """This process and the load generators that it has waited for."""
    times = psutil.Process().cpu_times()
    return times.user + times.system + times.children_user + times.children_system


def _busy() -> float:
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0))
