"""Runs the shop, sends it a fixed plan of requests, and keeps what its SDKs export.

Bodies are kept as they come: protobuf in `shop.pb`, each after its length as four big-endian bytes; JSON in
`shop-node.jsonl`, one per line.
"""

import json
import os
import secrets
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Receiver(ThreadingHTTPServer):
    """Appends request bodies to two files."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), ReceiverHandler)
        self.lock = threading.Lock()
        self.protobuf = open("shop.pb", "wb")
        self.json = open("shop-node.jsonl", "wb")

    def keep(self, path, body):
        with self.lock:
            if path == "/protobuf":
                self.protobuf.write(struct.pack(">I", len(body)) + body)
            else:
                assert b"\n" not in body, "a JSON body has more than one line"
                self.json.write(body + b"\n")


class ReceiverHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        assert self.headers.get("content-encoding") is None, "bodies are expected uncompressed"
        self.server.keep(self.path, self.body())
        answer = b"" if self.path == "/protobuf" else b"{}"
        self.send_response(200)
        self.send_header("content-type", self.headers["content-type"])
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def body(self):
        """Python announces the length of a body, Node sends it in chunks."""
        if self.headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(self.headers["content-length"]))
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def log_message(self, *_):
        pass


class Broker:
    """Hands every message of a queue to every group that asks; a request waits until it can be met in full."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.queues = defaultdict(list)
        self.taken = defaultdict(int)
        self.changed = threading.Condition()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        file = connection.makefile("rw")
        for line in file:
            file.write(json.dumps(self.answer(json.loads(line))) + "\n")
            file.flush()

    def answer(self, request):
        queue = request["queue"]
        with self.changed:
            if request["op"] == "send":
                self.queues[queue].append({key: request[key] for key in ("id", "headers", "body")})
                self.changed.notify_all()
                return {}
            group = (queue, request["group"])
            self.changed.wait_for(lambda: len(self.queues[queue]) >= self.taken[group] + request["count"])
            first = self.taken[group]
            self.taken[group] += request["count"]
            return {"messages": self.queues[queue][first : self.taken[group]]}


def resource(name, version="1.0.0", instance=1, zone="a"):
    return {
        "service.namespace": "shop",
        "service.name": name,
        "service.version": version,
        "service.instance.id": f"{name}-{instance}",
        "deployment.environment.name": "recorded",
        "host.id": f"host-{name}-{instance}",
        "cloud.region": "eu-west-1",
        "cloud.availability_zone": f"eu-west-1{zone}",
    }


NODE = ["node"]
PYTHON = [sys.executable]
SERVICES = [
    (NODE, "inventory.js", "INVENTORY_1", resource("inventory", "2.3.0", 1, "a")),
    (NODE, "inventory.js", "INVENTORY_2", resource("inventory", "2.4.0", 2, "b")),
    (PYTHON, "payments.py", "PAYMENTS", resource("payments")),
    (PYTHON, "pricing.py", "PRICING", resource("pricing")),
    (PYTHON, "orders.py", "ORDERS", resource("orders")),
    (NODE, "web.js", "WEB", resource("web")),
    (NODE, "shipping.js", None, resource("shipping")),
    (PYTHON, "mailer.py", None, resource("mailer")),
]


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return str(probe.getsockname()[1])


def wait_for(port):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", int(port))).close()
            return
        except ConnectionRefusedError:
            time.sleep(0.05)
    raise TimeoutError("a service did not start")


def send(ports, service, method, path, body=None, headers=None):
    """Calls a service as a user would, without tracing; returns status and headers."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{ports[service.upper()]}{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"host": service, "content-type": "application/json", **(headers or {})},
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, response.headers
    except urllib.error.HTTPError as error:
        return error.code, error.headers


def expect(status, answer):
    assert answer[0] == status, f"expected status {status}, got {answer[0]}"


def run_plan(ports):
    for item in ("lamp", "lamp", "lamp", "last-lamp"):
        expect(200, send(ports, "web", "POST", "/checkout", {"item": item}))
    expect(200, send(ports, "web", "POST", "/checkout", {"item": "lamp", "flaky_payment": True}))
    expect(500, send(ports, "web", "POST", "/checkout", {"item": "lamp", "broken": True}))
    expect(200, send(ports, "web", "POST", "/checkout", {"item": "lamp", "price_fails": 2}))
    for path in ("/report", "/statement"):
        expect(504, send(ports, "web", "GET", path))
    expect(200, send(ports, "web", "GET", "/quote"))
    expect(200, send(ports, "web", "GET", "/order"))
    for _ in range(2):
        expect(200, send(ports, "web", "GET", "/products"))
    foreign = f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
    expect(200, send(ports, "web", "GET", "/products", headers={"traceparent": foreign}))
    for service in ("web", "orders", "payments"):
        for _ in range(3):
            expect(200, send(ports, service, "GET", "/healthz", headers={"user-agent": "kube-probe/1.31"}))
    kept = 0
    while kept < 6:
        status, headers = send(ports, "web", "GET", "/browse")
        kept += headers["x-sampled"] == "true"


def main():
    receiver = Receiver()
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    broker = Broker()
    ports = {name: free_port() for _, _, name, _ in SERVICES if name}
    # Nothing listens where the reviews should be.
    ports["REVIEWS"] = free_port()
    base = {
        "PATH": os.environ["PATH"],
        "RECEIVER": f"http://127.0.0.1:{receiver.server_port}",
        "PORT_BROKER": str(broker.port),
        **{f"PORT_{name}": port for name, port in ports.items()},
    }
    running = []
    try:
        for command, script, name, attributes in SERVICES:
            env = {**base, "PORT": ports.get(name, ""), "RESOURCE": json.dumps(attributes)}
            running.append(subprocess.Popen([*command, script], env=env))
            if name:
                wait_for(ports[name])
        # The job of the mailer starts with it; the plan does not wait for it.
        run_plan(ports)
        time.sleep(3)
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait()
    receiver.protobuf.close()
    receiver.json.close()


main()
