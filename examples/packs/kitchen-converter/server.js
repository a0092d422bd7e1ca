// An MCP server (JSON-RPC, a message a line) without any library: `initialize`, `tools/list` and
// `tools/call`. It runs behind the same walls as any pack: no files, no network.

"use strict";

/** Millilitres of what has a volume, grams of what has a weight. */
const UNITS = {
  "cups": { of: "volume", size: 236.588 },
  "fluid ounces": { of: "volume", size: 29.5735 },
  "tablespoons": { of: "volume", size: 14.7868 },
  "teaspoons": { of: "volume", size: 4.92892 },
  "pints": { of: "volume", size: 473.176 },
  "millilitres": { of: "volume", size: 1 },
  "litres": { of: "volume", size: 1000 },
  "ounces": { of: "weight", size: 28.3495 },
  "pounds": { of: "weight", size: 453.592 },
  "grams": { of: "weight", size: 1 },
  "kilos": { of: "weight", size: 1000 },
};

const TOOL = {
  name: "convert",
  description: "Convert an amount from one kitchen unit into another.",
  inputSchema: {
    type: "object",
    properties: {
      amount: { type: "number", description: "How much there is." },
      unit: { type: "string", enum: Object.keys(UNITS) },
      target: { type: "string", enum: Object.keys(UNITS) },
    },
    required: ["amount", "unit", "target"],
  },
};

function convert({ amount, unit, target }) {
  const from = UNITS[unit];
  const to = UNITS[target];
  if (from.of !== to.of) return `${unit} are a ${from.of}, and ${target} a ${to.of}.`;
  const value = (amount * from.size) / to.size;
  const shown = Number(value.toPrecision(value < 10 ? 2 : 3));
  return `${amount} ${unit} are ${shown} ${target}.`;
}

const METHODS = {
  initialize: (params) => ({
    protocolVersion: params.protocolVersion,
    capabilities: { tools: {} },
    serverInfo: { name: "kitchen-converter", version: "1.0.0" },
  }),
  ping: () => ({}),
  "tools/list": () => ({ tools: [TOOL] }),
  "tools/call": (params) => ({ content: [{ type: "text", text: convert(params.arguments) }] }),
};

require("node:readline")
  .createInterface({ input: process.stdin })
  .on("line", (line) => {
    const message = JSON.parse(line);
    if (message.id === undefined) return; // a notification
    const method = METHODS[message.method];
    const answer = method
      ? { result: method(message.params ?? {}) }
      : { error: { code: -32601, message: `no method ${message.method}` } };
    process.stdout.write(JSON.stringify({ jsonrpc: "2.0", id: message.id, ...answer }) + "\n");
  });
