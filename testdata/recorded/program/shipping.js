"use strict";

// A worker that takes messages in threes: a `receive` span with one link per message, then one HTTP call per batch.

const tracer = require("./telemetry").start();

const http = require("http");
const { context, propagation, trace, ROOT_CONTEXT, SpanKind } = require("@opentelemetry/api");
const broker = require("./broker").connect();

async function receive() {
  const span = tracer.startSpan("receive orders.created", {
    kind: SpanKind.CLIENT,
    attributes: {
      "messaging.system": "shopmq",
      "messaging.operation.type": "receive",
      "messaging.operation.name": "receive",
      "messaging.destination.name": "orders.created",
      "messaging.consumer.group.name": "shipping",
    },
  });
  const { messages } = await broker({ op: "receive", queue: "orders.created", group: "shipping", count: 3 });
  for (const { id, headers } of messages) {
    const producer = trace.getSpanContext(propagation.extract(ROOT_CONTEXT, headers));
    span.addLink({ context: producer, attributes: { "messaging.message.id": id } });
  }
  span.setAttribute("messaging.batch.message_count", messages.length);
  span.end();
  return messages;
}

function settle(messages) {
  return new Promise((resolve, reject) => {
    const request = http.request(
      {
        host: "payments",
        port: process.env.PORT_PAYMENTS,
        path: "/settle",
        method: "POST",
        headers: { "content-type": "application/json" },
        agent: false,
      },
      (response) => response.resume().on("end", resolve)
    );
    request.on("error", reject);
    request.end(JSON.stringify(messages.map(({ id }) => id)));
  });
}

// A batch that never comes is a span that never ends, and is not exported.
async function work() {
  for (;;) {
    const root = tracer.startSpan("pack batch", { root: true });
    await context.with(trace.setSpan(ROOT_CONTEXT, root), async () => settle(await receive()));
    root.end();
  }
}

work();
