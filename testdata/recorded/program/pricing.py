"""Knows prices. A gRPC server and an SQLite database, both instrumented."""

import json
import os
import sqlite3
import time
from collections import Counter
from concurrent import futures

import telemetry

telemetry.start()

import grpc
from opentelemetry.instrumentation.grpc import GrpcInstrumentorServer
from opentelemetry.instrumentation.sqlite3 import SQLite3Instrumentor

setup = sqlite3.connect("pricing.db")
setup.execute("CREATE TABLE price (item TEXT, cents INTEGER)")
setup.executemany("INSERT INTO price VALUES (?, ?)", [("lamp", 1999), ("last-lamp", 999)])
setup.commit()

SQLite3Instrumentor().instrument()
GrpcInstrumentorServer().instrument()
quotes = Counter()


def quote(request, context):
    """Is unavailable `fail` times for an order, and slow when asked to be."""
    quotes[request["order"]] += 1
    if quotes[request["order"]] <= request["fail"]:
        context.abort(grpc.StatusCode.UNAVAILABLE, "warming up")
    time.sleep(request["sleep"])
    cursor = sqlite3.connect("pricing.db").cursor()
    cursor.execute("SELECT cents FROM price WHERE item = ?", (request["item"],))
    return {"cents": cursor.fetchone()[0]}


handler = grpc.unary_unary_rpc_method_handler(quote, json.loads, lambda value: json.dumps(value).encode())
server = grpc.server(futures.ThreadPoolExecutor(4))
server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("shop.Pricing", {"Quote": handler})])
server.add_insecure_port("127.0.0.1:" + os.environ["PORT_PRICING"])
server.start()
telemetry.run_until_stopped()
