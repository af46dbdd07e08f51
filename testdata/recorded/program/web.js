"use strict";

// The entry of the shop: an HTTP server and client, instrumented by @opentelemetry/instrumentation-http.

const { start } = require("./telemetry");
const { AlwaysOnSampler, ParentBasedSampler } = require("@opentelemetry/sdk-trace-base");
const {
  createCompositeSampler,
  createComposableParentThresholdSampler,
  createComposableProbabilitySampler,
} = require("@opentelemetry/sampler-composite");

// Half of the browsing is kept, all of the rest.
const half = createCompositeSampler(createComposableParentThresholdSampler(createComposableProbabilitySampler(0.5)));
const all = new ParentBasedSampler({ root: new AlwaysOnSampler() });
start({
  shouldSample(parent, traceId, name, kind, attributes, links) {
    const sampler = attributes["url.path"] === "/browse" ? half : all;
    return sampler.shouldSample(parent, traceId, name, kind, attributes, links);
  },
  toString: () => "half of GET /browse",
});

const http = require("http");
const grpc = require("@grpc/grpc-js");
const { context, trace } = require("@opentelemetry/api");
const { getRPCMetadata } = require("@opentelemetry/core");

const json = { serialize: (value) => Buffer.from(JSON.stringify(value)), deserialize: (bytes) => JSON.parse(bytes) };
const Inventory = grpc.makeGenericClientConstructor({
  Stock: {
    path: "/shop.Inventory/Stock",
    requestStream: false,
    responseStream: false,
    requestSerialize: json.serialize,
    responseDeserialize: json.deserialize,
  },
});
const inventory = ["1", "2"].map(
  (n) => new Inventory(`inventory:${process.env[`PORT_INVENTORY_${n}`]}`, grpc.credentials.createInsecure())
);

function stock(instance, item) {
  return new Promise((resolve, reject) =>
    inventory[instance].Stock({ item }, (error, reply) => (error ? reject(error) : resolve(reply)))
  );
}

function call(method, service, path, { body, timeout, signal } = {}) {
  return new Promise((resolve, reject) => {
    const port = process.env[`PORT_${service.toUpperCase()}`];
    const headers = { "content-type": "application/json" };
    const request = http.request({ host: service, port, path, method, headers, signal, agent: false }, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("end", () => resolve({ status: response.statusCode, body: Buffer.concat(chunks) }));
    });
    if (timeout) {
      const error = Object.assign(new Error(`timeout of ${timeout}ms exceeded`), { code: "ETIMEDOUT" });
      request.setTimeout(timeout, () => request.destroy(error));
    }
    request.on("error", reject);
    request.end(body);
  });
}

const failed = (status) => () => ({ status });

const routes = {
  "GET /healthz": async () => ({ status: 200 }),

  "POST /checkout": async (body) => call("POST", "orders", "/orders", { body }),

  // The reviews are down; the page is shown without them.
  "GET /products": async () => {
    const [, reviews] = await Promise.all([
      stock(1, "lamp"),
      call("GET", "reviews", "/reviews?item=lamp").catch(failed(0)),
    ]);
    return { status: 200, headers: { "x-reviews": String(reviews.status) } };
  },

  "GET /browse": async () => {
    const sampled = (trace.getActiveSpan().spanContext().traceFlags & 1) === 1;
    await stock(0, "lamp");
    return { status: 200, headers: { "x-sampled": String(sampled) } };
  },

  // Both give up after 150 ms, in the way of a client library and in the way of Node; orders works for 400 ms.
  "GET /report": async () => call("GET", "orders", "/report", { timeout: 150 }).catch(failed(504)),
  "GET /statement": async () =>
    call("GET", "orders", "/report", { signal: AbortSignal.timeout(150) }).catch(failed(504)),

  "GET /quote": async () => call("GET", "orders", "/quote"),

  // Retries without saying so on the spans.
  "GET /order": async () => {
    const first = await call("GET", "orders", "/orders/7");
    if (first.status !== 503) return first;
    await new Promise((resolve) => setTimeout(resolve, 20));
    return call("GET", "orders", "/orders/7");
  },
};

const server = http.createServer((request, response) => {
  const path = request.url.split("?")[0];
  const metadata = getRPCMetadata(context.active());
  if (metadata) metadata.route = path;
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", async () => {
    const { status, headers } = await routes[`${request.method} ${path}`](Buffer.concat(chunks));
    response.writeHead(status, headers).end();
  });
});
server.listen(Number(process.env.PORT_WEB), "127.0.0.1");
