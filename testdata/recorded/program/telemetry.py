"""Sets up the OpenTelemetry SDK of one service: spans leave as OTLP/protobuf over HTTP."""

import json
import os
import signal
import socket
import sys
import threading

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

# Stack traces would name files of the recording machine.
sys.tracebacklimit = 0

# All services run on one machine; their names resolve to the loopback address.
_getaddrinfo = socket.getaddrinfo
socket.getaddrinfo = lambda host, *rest, **named: _getaddrinfo("127.0.0.1", *rest, **named)


def start(sampler=None):
    """Starts the SDK for the service described by the environment and returns its tracer."""
    provider = TracerProvider(resource=Resource.create(json.loads(os.environ["RESOURCE"])), sampler=sampler)
    exporter = OTLPSpanExporter(endpoint=os.environ["RECEIVER"] + "/protobuf")
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=500))
    trace.set_tracer_provider(provider)
    return trace.get_tracer("shop", "1.0.0")


def run_until_stopped():
    """Waits for SIGTERM, then exports what is left; other threads serve meanwhile."""
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    stopped.wait()
    trace.get_tracer_provider().shutdown()
    os._exit(0)


def serve(app, port):
    """Serves a WSGI application on a thread of its own, one thread per request."""
    import logging

    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    server = make_server("127.0.0.1", int(port), app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
