"""Figures of the hub for Prometheus, on this machine alone: https://prometheus.io/docs/

Turns are counted as they happen; everything else is looked at when somebody asks. `docs/web.md` has
the names. No words, and no names but those of rooms, engines and sources, are among them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from hub import __version__
from hub.bridges.seeing.snapshot import Seeing, outcome
from hub.bridges.web.server import LOOPBACK, hosts_only, serving
from hub.messages import Trace

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
"""Seconds."""


class Metrics:
    """The figures of one hub."""

    def __init__(self, seeing: Seeing) -> None:
        self._seeing = seeing
        self._registry = CollectorRegistry()
        self._turns = Counter(
            "hearth_turns",
            "Turns, by what became of them, what understood them, and where they came from.",
            ("outcome", "tier", "source"),
            registry=self._registry,
        )
        self._stages = Histogram(
            "hearth_turn_stage_seconds",
            "Time of each stage of a turn; total is from the end of speech to the first sound.",
            ("stage",),
            buckets=BUCKETS,
            registry=self._registry,
        )
        self._registry.register(self)

    def turn(self, trace: Trace) -> None:
        """An onlooker of the assistant."""
        told = trace.to_json()
        self._turns.labels(outcome(told), told["tier"], trace.source).inc()
        for stage, milliseconds in told["stages_ms"].items():
            if milliseconds:
                self._stages.labels(stage).observe(milliseconds / 1000)

    def page(self) -> bytes:
        """All figures of now, in Prometheus' text format."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """What is looked at when somebody asks; part of the library's contract."""
        seeing = self._seeing
        yield _gauge("hearth_info", "The version.", [((__version__,), 1.0)], ("version",))
        yield _gauge("hearth_uptime_seconds", "Since the start.", [((), seeing.uptime)])
        used = seeing.processor()
        yield CounterMetricFamily("hearth_cpu_seconds", "Processor time of the hub.", value=used)
        memory = seeing.memory(seeing.pid) or 0
        yield _gauge("hearth_memory_bytes", "Memory of the hub itself.", [((), float(memory))])
        engines = seeing.engines()
        yield _gauge(
            "hearth_engine_up",
            "Whether an engine's process is there.",
            [((each["engine"],), float(each["up"])) for each in engines],
            ("engine",),
        )
        yield _gauge(
            "hearth_engine_memory_bytes",
            "Memory of an engine's process.",
            [((each["engine"],), float(each["memory"])) for each in engines if each["memory"]],
            ("engine",),
        )
        restarts = CounterMetricFamily(
            "hearth_engine_restarts", "How often it was started again.", labels=("engine",)
        )
        for each in engines:
            restarts.add_metric((each["engine"],), each["restarts"])
        yield restarts
        yield _gauge(
            "hearth_connection_up",
            "Whether the broker, a source of devices or a satellite can be reached.",
            [((each["kind"], each["name"]), float(each["up"])) for each in seeing.connections()],
            ("kind", "name"),
        )
        yield _gauge(
            "hearth_pending",
            "Timers that run; alarms, reminders and commands that wait.",
            [((kind,), float(count)) for kind, count in seeing.waiting().items()],
            ("kind",),
        )
        devices = seeing.devices()
        yield _gauge("hearth_devices", "Devices.", [((), float(devices["known"]))])
        away = [((), float(devices["unavailable"]))]
        yield _gauge("hearth_devices_unavailable", "Devices that are unavailable.", away)
        troubles = [((), float(len(seeing.troubles())))]
        yield _gauge("hearth_troubles", "What 'hearth status' names as troubles.", troubles)
        if seeing.ears is not None:
            muted = [((), float(seeing.ears.muted))]
            yield _gauge("hearth_microphone_muted", "Whether the microphone is muted.", muted)


@asynccontextmanager
async def serve_metrics(seeing: Seeing, port: int) -> AsyncIterator[int]:
    """Offer the figures at http://127.0.0.1:PORT/metrics, for as long as this lasts; the port.

    Raises ConfigError where nothing can listen there."""
    metrics = Metrics(seeing)

    async def page(request: web.Request) -> web.Response:
        return web.Response(body=metrics.page(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application(middlewares=[hosts_only(LOOPBACK)])
    app.router.add_get("/metrics", page)
    end = seeing.hub.assistant.watch(metrics.turn)
    try:
        async with serving(app, "127.0.0.1", port, "[metrics] port") as bound:
            yield bound
    finally:
        end()


def _gauge(
    name: str,
    about: str,
    rows: Sequence[tuple[tuple[str, ...], float]],
    labels: tuple[str, ...] = (),
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, about, labels=labels)
    for row, value in rows:
        family.add_metric(row, value)
    return family
