"""Takes money. A Flask server with the HTTP attribute names from before they were stable."""

import os
from collections import Counter

import telemetry

telemetry.start()

from flask import Flask, request
from opentelemetry.instrumentation.flask import FlaskInstrumentor

app = Flask("payments")
FlaskInstrumentor().instrument_app(app)
charges = Counter()


@app.get("/healthz")
def healthz():
    return "ok"


@app.post("/charge")
def charge():
    """Refuses the first two attempts for an order whose payment is flaky."""
    order = request.get_json()
    charges[order["id"]] += 1
    if order["flaky"] and charges[order["id"]] <= 2:
        return "try again", 503
    return "charged"


@app.post("/settle")
def settle():
    return "settled"


telemetry.serve(app, os.environ["PORT_PAYMENTS"])
telemetry.run_until_stopped()
