"use strict";

// Two instances of one gRPC server, instrumented by @opentelemetry/instrumentation-grpc. The database is not real: its
// CLIENT spans are made by hand. Also a producer whose consumer continues the same trace.

const tracer = require("./telemetry").start();

const grpc = require("@grpc/grpc-js");
const { context, propagation, trace, SpanKind } = require("@opentelemetry/api");
const broker = require("./broker").connect();

function query(operation, text) {
  const span = tracer.startSpan(`${operation} stock`, {
    kind: SpanKind.CLIENT,
    attributes: {
      "db.system.name": "postgresql",
      "db.namespace": "inventory",
      "db.collection.name": "stock",
      "db.operation.name": operation,
      "db.query.text": text,
      "server.address": "inventory-db",
      "server.port": 5432,
    },
  });
  return new Promise((resolve) => setTimeout(resolve, 4)).then(() => span.end());
}

// The attribute names are older ones (`messaging.operation`).
async function send(item) {
  const span = tracer.startSpan("stock.low publish", {
    kind: SpanKind.PRODUCER,
    attributes: {
      "messaging.system": "shopmq",
      "messaging.operation": "publish",
      "messaging.destination.name": "stock.low",
      "messaging.message.id": `low-${item}`,
    },
  });
  const headers = {};
  propagation.inject(trace.setSpan(context.active(), span), headers);
  await broker({ op: "send", queue: "stock.low", id: `low-${item}`, headers, body: { item } });
  span.end();
}

async function reserve({ item }) {
  await query("UPDATE", "UPDATE stock SET reserved = reserved + 1 WHERE item = $1");
  if (item === "last-lamp") await send(item);
  return { reserved: true };
}

async function stock({ item }) {
  await query("SELECT", "SELECT count FROM stock WHERE item = $1");
  return { item, count: 3 };
}

function method(name) {
  return {
    path: `/shop.Inventory/${name}`,
    requestStream: false,
    responseStream: false,
    requestDeserialize: (bytes) => JSON.parse(bytes),
    responseSerialize: (value) => Buffer.from(JSON.stringify(value)),
  };
}

const server = new grpc.Server();
server.addService(
  { Reserve: method("Reserve"), Stock: method("Stock") },
  {
    Reserve: (call, done) => reserve(call.request).then((reply) => done(null, reply)),
    Stock: (call, done) => stock(call.request).then((reply) => done(null, reply)),
  }
);
server.bindAsync(`127.0.0.1:${process.env.PORT}`, grpc.ServerCredentials.createInsecure(), () => {});
