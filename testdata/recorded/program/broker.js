"use strict";

// A client of the recorder's broker: one JSON line per request and per answer over TCP. Nothing instruments it; the
// messaging spans are made by the services themselves.

const net = require("net");

function connect() {
  const socket = net.connect(Number(process.env.PORT_BROKER), "127.0.0.1");
  const waiting = [];
  let rest = "";
  socket.on("data", (chunk) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop();
    lines.forEach((line) => waiting.shift()(JSON.parse(line)));
  });
  return (request) =>
    new Promise((resolve) => {
      waiting.push(resolve);
      socket.write(JSON.stringify(request) + "\n");
    });
}

module.exports = { connect };
