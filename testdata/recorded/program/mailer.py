"""Sends mail. Consumes two queues, and runs a job of its own that is sampled."""

import os
import threading

import telemetry
from opentelemetry.sdk.trace._sampling_experimental import composable_traceid_ratio_based, composite_sampler
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased, Sampler


class QuarterOfDigests(Sampler):
    """Keeps a quarter of the digests and says so in the tracestate; keeps all of the rest.

    The SDK's own sampler decides at the root only: it loses the attributes a span starts with, and a tracestate that
    came with the parent.
    """

    quarter = composite_sampler(composable_traceid_ratio_based(0.25))

    def should_sample(self, parent_context, trace_id, name, *rest, **named):
        sampler = self.quarter if name == "digest" else ALWAYS_ON
        return sampler.should_sample(parent_context, trace_id, name, *rest, **named)

    def get_description(self):
        return "a quarter of digest"


tracer = telemetry.start(ParentBased(QuarterOfDigests()))

import requests
from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.trace import Link, SpanKind

from broker import Broker

RequestsInstrumentor().instrument()


def digest():
    """A job: the root is an INTERNAL span. Returns whether its trace was sampled."""
    with tracer.start_as_current_span("digest", context=Context()) as span:
        requests.get(f"http://orders:{os.environ['PORT_ORDERS']}/orders", timeout=5)
        return span.get_span_context().trace_flags.sampled


def mail():
    """A peer that is not traced, named by `peer.service` alone."""
    with tracer.start_as_current_span("mail", kind=SpanKind.CLIENT, attributes={"peer.service": "smtp-relay"}):
        pass


def process(message, attempt):
    """Starts a new trace linked to the producer. The first delivery of one message fails."""
    producer = trace.get_current_span(propagate.extract(message["headers"])).get_span_context()
    attributes = {
        "messaging.system": "shopmq",
        "messaging.operation.type": "process",
        "messaging.operation.name": "process",
        "messaging.destination.name": "orders.created",
        "messaging.consumer.group.name": "mailer",
        "messaging.message.id": message["id"],
    }
    with tracer.start_as_current_span(
        "process orders.created",
        context=Context(),
        kind=SpanKind.CONSUMER,
        attributes=attributes,
        links=[Link(producer)],
    ):
        if message["id"] == "order-2" and attempt == 1:
            raise ConnectionError("the mail relay hung up")
        mail()


def consume_orders():
    broker = Broker()
    while True:
        [message] = broker.ask(op="receive", queue="orders.created", group="mailer", count=1)["messages"]
        for attempt in (1, 2):
            try:
                process(message, attempt)
                break
            except ConnectionError:
                continue


def consume_stock():
    """Continues the trace of the producer. The attribute names are older ones (`messaging.operation`)."""
    broker = Broker()
    while True:
        [message] = broker.ask(op="receive", queue="stock.low", group="mailer", count=1)["messages"]
        attributes = {
            "messaging.system": "shopmq",
            "messaging.operation": "process",
            "messaging.destination.name": "stock.low",
            "messaging.message.id": message["id"],
        }
        with tracer.start_as_current_span(
            "stock.low process",
            context=propagate.extract(message["headers"]),
            kind=SpanKind.CONSUMER,
            attributes=attributes,
        ):
            mail()


kept = 0
while kept < 2:
    kept += digest()
threading.Thread(target=consume_orders, daemon=True).start()
threading.Thread(target=consume_stock, daemon=True).start()
telemetry.run_until_stopped()
