"""Takes orders. A Flask server with stable HTTP attribute names that calls most of the shop."""

import http.client
import itertools
import json
import os
import sqlite3
import time

os.environ["OTEL_SEMCONV_STABILITY_OPT_IN"] = "http,database"

import telemetry

tracer = telemetry.start()

import grpc
from flask import Flask, request
from opentelemetry import propagate
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.instrumentation.grpc import GrpcInstrumentorClient
from opentelemetry.instrumentation.sqlite3 import SQLite3Instrumentor
from opentelemetry.trace import SpanKind, Status, StatusCode

from broker import Broker

setup = sqlite3.connect("orders.db")
setup.execute("CREATE TABLE orders (id TEXT, cents INTEGER)")
setup.commit()

SQLite3Instrumentor().instrument()
GrpcInstrumentorClient().instrument()

app = Flask("orders")
app.logger.disabled = True
FlaskInstrumentor().instrument_app(app)
broker = Broker()
numbers = itertools.count(1)
looked_up = set()


def to_json(value):
    return json.dumps(value).encode()


# The library repeats a refused call by itself, below the instrumentation.
RETRIES = {
    "methodConfig": [
        {
            "name": [{"service": "shop.Pricing"}],
            "retryPolicy": {
                "maxAttempts": 3,
                "initialBackoff": "0.02s",
                "maxBackoff": "0.1s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ]
}
pricing = grpc.insecure_channel(
    "127.0.0.1:" + os.environ["PORT_PRICING"], [("grpc.service_config", json.dumps(RETRIES))]
)
quote = pricing.unary_unary("/shop.Pricing/Quote", to_json, json.loads)
inventory = [grpc.insecure_channel("127.0.0.1:" + os.environ[f"PORT_INVENTORY_{n}"]) for n in (1, 2)]
reserve = itertools.cycle(
    [channel.unary_unary("/shop.Inventory/Reserve", to_json, json.loads) for channel in inventory]
)


def charge(order, flaky):
    """Asks payments up to three times; each attempt is a span, the later ones say so."""
    for attempt in range(3):
        attributes = {
            "http.request.method": "POST",
            "url.full": f"http://payments:{os.environ['PORT_PAYMENTS']}/charge",
            "server.address": "payments",
            "server.port": int(os.environ["PORT_PAYMENTS"]),
        }
        if attempt > 0:
            attributes["http.request.resend_count"] = attempt
        with tracer.start_as_current_span("POST", kind=SpanKind.CLIENT, attributes=attributes) as span:
            headers = {"content-type": "application/json"}
            propagate.inject(headers)
            connection = http.client.HTTPConnection("payments", int(os.environ["PORT_PAYMENTS"]))
            connection.request("POST", "/charge", to_json({"id": order, "flaky": flaky}), headers)
            status = connection.getresponse().status
            connection.close()
            span.set_attribute("http.response.status_code", status)
            if status < 400:
                return
            span.set_attribute("error.type", str(status))
            span.set_status(Status(StatusCode.ERROR))
        time.sleep(0.02)


def send(order):
    attributes = {
        "messaging.system": "shopmq",
        "messaging.operation.type": "send",
        "messaging.operation.name": "send",
        "messaging.destination.name": "orders.created",
        "messaging.message.id": order,
    }
    with tracer.start_as_current_span("send orders.created", kind=SpanKind.PRODUCER, attributes=attributes):
        headers = {}
        propagate.inject(headers)
        broker.ask(op="send", queue="orders.created", id=order, headers=headers, body={"order": order})


@app.get("/healthz")
def healthz():
    return "ok"


@app.post("/orders")
def create():
    basket = request.get_json()
    order = f"order-{next(numbers)}"
    with tracer.start_as_current_span("price basket") as span:
        span.set_attributes({"app.items": [basket["item"]], "app.discount": 0.25, "app.gift": False})
        span.set_attribute("app.customer", "Zo\u00eb \u2603")
        ask = {"order": order, "item": basket["item"], "fail": basket.get("price_fails", 0), "sleep": 0}
        cents = quote(ask)["cents"]
    if basket.get("broken"):
        raise ValueError("the basket is broken")
    next(reserve)({"item": basket["item"]})
    charge(order, basket.get("flaky_payment", False))
    connection = sqlite3.connect("orders.db")
    connection.cursor().execute("INSERT INTO orders VALUES (?, ?)", (order, cents))
    connection.commit()
    send(order)
    return order


@app.get("/orders")
def listing():
    cursor = sqlite3.connect("orders.db").cursor()
    cursor.execute("SELECT id FROM orders")
    return str(len(cursor.fetchall()))


@app.get("/orders/<order>")
def lookup(order):
    """Is not ready for the first request for an order."""
    if order not in looked_up:
        looked_up.add(order)
        return "not ready", 503
    return order


@app.get("/report")
def report():
    time.sleep(0.4)
    return "report"


@app.get("/quote")
def estimate():
    """Waits 100 ms for a price that takes 300 ms, then answers with an estimate."""
    try:
        return quote({"order": "quote", "item": "lamp", "fail": 0, "sleep": 0.3}, timeout=0.1)
    except grpc.RpcError:
        return {"cents": 2000, "estimate": True}


telemetry.serve(app, os.environ["PORT_ORDERS"])
telemetry.run_until_stopped()
