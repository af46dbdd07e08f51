"use strict";

// Sets up the OpenTelemetry SDK of one service: every span is exported twice, as OTLP/JSON and as OTLP/protobuf.
// Must be required before `http` and `@grpc/grpc-js`, which are instrumented when they are loaded.

// Stack traces would name files of the recording machine.
Error.stackTraceLimit = 0;

// All services run on one machine; their names resolve to the loopback address.
const dns = require("dns");
dns.lookup = (name, options, done) => {
  const callback = done || options;
  if (options && options.all) {
    callback(null, [{ address: "127.0.0.1", family: 4 }]);
  } else {
    callback(null, "127.0.0.1", 4);
  }
};
dns.promises.lookup = async () => [{ address: "127.0.0.1", family: 4 }];

const { defaultResource, resourceFromAttributes } = require("@opentelemetry/resources");
const { BatchSpanProcessor } = require("@opentelemetry/sdk-trace-base");
const { NodeTracerProvider } = require("@opentelemetry/sdk-trace-node");
const { OTLPTraceExporter: JsonExporter } = require("@opentelemetry/exporter-trace-otlp-http");
const { OTLPTraceExporter: ProtobufExporter } = require("@opentelemetry/exporter-trace-otlp-proto");
const { registerInstrumentations } = require("@opentelemetry/instrumentation");
const { HttpInstrumentation } = require("@opentelemetry/instrumentation-http");
const { GrpcInstrumentation } = require("@opentelemetry/instrumentation-grpc");
const { trace } = require("@opentelemetry/api");

// Starts the SDK for the service described by the environment and returns its tracer.
function start(sampler) {
  const receiver = process.env.RECEIVER;
  const batching = { scheduledDelayMillis: 500 };
  const provider = new NodeTracerProvider({
    resource: defaultResource().merge(resourceFromAttributes(JSON.parse(process.env.RESOURCE))),
    sampler,
    spanProcessors: [
      new BatchSpanProcessor(new JsonExporter({ url: `${receiver}/json` }), batching),
      new BatchSpanProcessor(new ProtobufExporter({ url: `${receiver}/protobuf` }), batching),
    ],
  });
  provider.register();
  registerInstrumentations({ instrumentations: [new HttpInstrumentation(), new GrpcInstrumentation()] });
  process.on("SIGTERM", () => provider.shutdown().then(() => process.exit(0)));
  return trace.getTracer("shop", "1.0.0");
}

module.exports = { start };
