"""Checks that a recording holds what `NOTE.md` says of it, and prints its counts.

Usage: check.py shop.pb shop-node.jsonl
"""

import json
import os
import socket
import struct
import sys
from collections import Counter, defaultdict

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

NODE = ("inventory", "shipping", "web")
ERROR = Status.STATUS_CODE_ERROR

KINDS = {
    ("inventory", "CLIENT"): 15,
    ("inventory", "PRODUCER"): 1,
    ("inventory", "SERVER"): 15,
    ("mailer", "CLIENT"): 9,
    ("mailer", "CONSUMER"): 8,
    ("mailer", "INTERNAL"): 2,
    ("orders", "CLIENT"): 30,
    ("orders", "INTERNAL"): 7,
    ("orders", "PRODUCER"): 6,
    ("orders", "SERVER"): 17,
    ("payments", "SERVER"): 13,
    ("pricing", "CLIENT"): 8,
    ("pricing", "SERVER"): 10,
    ("shipping", "CLIENT"): 4,
    ("shipping", "INTERNAL"): 2,
    ("web", "CLIENT"): 24,
    ("web", "SERVER"): 23,
}
FAILED = {"mailer": 1, "orders": 5, "payments": 2, "pricing": 2, "web": 10}
CALLS = {
    ("mailer", "orders"): (2, 2, 0),
    ("orders", "inventory"): (6, 6, 0),
    ("orders", "payments"): (8, 8, 2),
    ("orders", "pricing"): (8, 10, 1),
    ("shipping", "payments"): (2, 2, 0),
    ("web", "inventory"): (9, 9, 0),
    ("web", "orders"): (12, 12, 4),
}
ALONE = {
    ("inventory", "postgresql"): 15,
    ("mailer", "smtp-relay"): 7,
    ("orders", "sqlite"): 8,
    ("pricing", "sqlite"): 8,
    ("shipping", "orders.created"): 2,
    ("web", "reviews"): 3,
}
# What names the other side of a CLIENT span that nobody answered, first one first.
PEERS = ("db.system.name", "db.system", "server.address", "peer.service", "messaging.destination.name")


class Recorded:
    """A span with its service and the values of its attributes."""

    def __init__(self, resource, span):
        self.resource = resource
        self.service = resource["service.name"]
        self.span = span
        self.kind = Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_")
        self.attributes = {item.key: value_of(item.value) for item in span.attributes}
        self.failed = span.status.code == ERROR
        self.duration = span.end_time_unix_nano - span.start_time_unix_nano
        self.parent = None
        self.children = []

    def calls(self, service):
        """The SERVER spans of a service that this CLIENT span caused."""
        return [child for child in self.children if child.kind == "SERVER" and child.service == service]


def value_of(value):
    field = value.WhichOneof("value")
    if field == "array_value":
        return [value_of(item) for item in value.array_value.values]
    return getattr(value, field)


def peer_of(span):
    return next(span.attributes[name] for name in PEERS if name in span.attributes)


def frames(path):
    data = open(path, "rb").read()
    at = 0
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        yield data[at + 4 : at + 4 + length]
        at += 4 + length
    assert at == len(data), "the last frame is cut"


def read(path):
    spans = []
    for frame in frames(path):
        for group in ExportTraceServiceRequest.FromString(frame).resource_spans:
            resource = {item.key: value_of(item.value) for item in group.resource.attributes}
            for scope in group.scope_spans:
                spans.extend(Recorded(resource, span) for span in scope.spans)
    by_id = {(span.span.trace_id, span.span.span_id): span for span in spans}
    assert len(by_id) == len(spans), "a span was exported twice"
    for span in spans:
        span.parent = by_id.get((span.span.trace_id, span.span.parent_span_id))
        if span.parent:
            span.parent.children.append(span)
    return spans


def check(name, found, expected):
    if isinstance(found, Counter):
        found = dict(sorted(found.items()))
    if found != expected:
        sys.exit(f"{name}: expected {expected}, found {found}")
    print(f"{name}: {found}")


def check_places(paths):
    """No name of the recording machine may be in the data."""
    names = {os.getcwd(), os.path.expanduser("~"), socket.gethostname(), "/tmp", "/home", "/usr", "site-packages", "node_modules"}
    for path in paths:
        data = open(path, "rb").read()
        for name in sorted(names):
            assert name.encode() not in data, f"{path} names the machine: {name}"


def check_json(path, spans):
    """The JSON file holds the spans of the Node services, the same as in the protobuf file."""

    def facts(trace, identity, parent, name, kind, start, end):
        return (trace, identity, parent, name, kind, int(start), int(end))

    from_json = sorted(
        facts(
            span["traceId"],
            span["spanId"],
            span.get("parentSpanId", ""),
            span["name"],
            span["kind"],
            span["startTimeUnixNano"],
            span["endTimeUnixNano"],
        )
        for line in open(path, encoding="utf-8")
        for group in json.loads(line)["resourceSpans"]
        for scope in group["scopeSpans"]
        for span in scope["spans"]
    )
    from_protobuf = sorted(
        facts(
            span.trace_id.hex(),
            span.span_id.hex(),
            span.parent_span_id.hex(),
            span.name,
            span.kind,
            span.start_time_unix_nano,
            span.end_time_unix_nano,
        )
        for span in (recorded.span for recorded in spans if recorded.service in NODE)
    )
    assert from_json == from_protobuf, "the JSON file and the protobuf file differ"
    return len(from_json)


def main(protobuf, json_lines):
    check_places([protobuf, json_lines])
    spans = read(protobuf)
    traces = {span.span.trace_id for span in spans}

    check("spans by service and kind", Counter((span.service, span.kind) for span in spans), KINDS)
    check("failed spans by service", Counter(span.service for span in spans if span.failed), FAILED)
    calls = defaultdict(lambda: (0, 0, 0))
    alone = Counter()
    for span in spans:
        if span.kind != "CLIENT":
            continue
        served = [child.service for child in span.children if child.kind == "SERVER"]
        if not served:
            alone[span.service, peer_of(span)] += 1
        for service in set(served):
            clients, servers, failed = calls[span.service, service]
            calls[span.service, service] = (clients + 1, servers + served.count(service), failed + span.failed)
    check("calls: CLIENT spans, SERVER spans, failed CLIENT spans", dict(sorted(calls.items())), CALLS)
    check("CLIENT spans without a child", alone, ALONE)

    check("spans", len(spans), 194)
    check("spans in JSON", check_json(json_lines, spans), 84)
    check("traces", len(traces), 40)
    check("roots", sum(not span.span.parent_span_id for span in spans), 39)
    check("parents missing", sum(bool(span.span.parent_span_id) and not span.parent for span in spans), 1)

    check(
        "resend counts",
        sorted(span.attributes["http.request.resend_count"] for span in spans if "http.request.resend_count" in span.attributes),
        [1, 2],
    )
    repeated = [
        span
        for span in spans
        if span.kind == "CLIENT" and span.attributes.get("url.full", "").endswith("/orders/7")
    ]
    check("unmarked attempts", [len(repeated), sum(span.failed for span in repeated)], [2, 1])
    hidden = [span for span in spans if span.kind == "CLIENT" and len(span.calls("pricing")) > 1]
    check("attempts below one CLIENT span", [len(span.calls("pricing")) for span in hidden], [3])

    abandoned = [
        (span.service, call.service)
        for span in spans
        for call in span.children
        if span.kind == "CLIENT" and span.failed and call.kind == "SERVER" and not call.failed
    ]
    check("given up by the client", sorted(abandoned), [("orders", "pricing"), ("web", "orders"), ("web", "orders")])
    for span in spans:
        for call in span.children:
            if span.kind == "CLIENT" and span.failed and call.kind == "SERVER" and not call.failed:
                assert call.duration > span.duration + 100_000_000, "the server did not outlast its client"

    refused = [span for span in spans if span.attributes.get("server.address") == "reviews"]
    check("refused", [len(refused), sum(span.failed for span in refused), sum(len(s.children) for s in refused)], [3, 3, 0])
    health = [span for span in spans if span.attributes.get("http.route") == "/healthz"]
    check("health checks", Counter(span.service for span in health), {"web": 3, "orders": 3, "payments": 3})
    check(
        "tracestates",
        Counter(span.span.trace_state for span in spans if span.span.trace_state),
        {"ot=th:8": 24, "ot=th:c": 8},
    )
    links = Counter((span.service, span.kind, len(span.span.links)) for span in spans if span.span.links)
    check("links", links, {("mailer", "CONSUMER", 1): 7, ("shipping", "CLIENT", 3): 2})
    producers = {(s.span.trace_id, s.span.span_id) for s in spans if s.kind == "PRODUCER"}
    targets = Counter((link.trace_id, link.span_id) in producers for s in spans for link in s.span.links)
    check("links to a PRODUCER", targets, {True: 13})
    instances = Counter(
        (span.resource["service.instance.id"], span.resource["service.version"], span.resource["cloud.availability_zone"])
        for span in spans
        if span.service == "inventory" and span.kind == "SERVER"
    )
    check(
        "inventory SERVER spans",
        instances,
        {("inventory-1", "2.3.0", "eu-west-1a"): 9, ("inventory-2", "2.4.0", "eu-west-1b"): 6},
    )


main(*sys.argv[1:])
