// Measures rows per CPU second from the bytes of the socket to those of the answer, for a result of 1,000 rows with 10 mixed columns.
// It compares the gateway's way with the usual way (pg's reader and type parsers, an object per row, JSON.stringify). Prints one
// line of JSON.
//   npm run build && node bench/encoding.mjs
import { EventEmitter } from "node:events";
import { createRequire } from "node:module";
import pg from "pg";
import { encodeAnswer } from "../dist/encoding/encode-answer.js";
import { MessageReader } from "../dist/wire/message-reader.js";

const require = createRequire(import.meta.url);
const { parse: parseMessages } = createRequire(require.resolve("pg"))("pg-protocol");

const ROW_COUNT = 1_000;
const ROUNDS = 5;
const ROUND_MS = 1_000;
const CHUNK_BYTES = 65_536;

const columns = [
  { name: "id", typeOid: 20, value: (n) => String(n) },
  { name: "name", typeOid: 25, value: (n) => `Customer number ${n}` },
  { name: "note", typeOid: 25, value: (n) => (n % 4 === 0 ? `said "hello"\nand left, ${n} times` : null) },
  { name: "age", typeOid: 23, value: (n) => String(n % 90) },
  { name: "active", typeOid: 16, value: (n) => (n % 3 === 0 ? "t" : "f") },
  { name: "score", typeOid: 701, value: (n) => String(n / 7) },
  { name: "balance", typeOid: 1700, value: (n) => `${n * 13}.25` },
  { name: "created_at", typeOid: 1184, value: (n) => `2026-02-03 04:05:06.${String(n % 1000).padStart(3, "0")}+00` },
  { name: "settings", typeOid: 3802, value: (n) => `{"theme": "dark", "level": ${n}, "tags": ["a", "b"]}` },
  { name: "marks", typeOid: 1007, value: (n) => `{${n},${n + 1},NULL,${n + 2}}` },
];

const fields = columns.map(({ name, typeOid }) => ({ name, typeOid }));
const CHUNKS = toChunks(Array.from({ length: ROW_COUNT }, (_, n) => columns.map(({ value }) => value(n))));

/** Makes DataRow messages in pieces, as a socket delivers them. */
function toChunks(rows) {
  const messages = rows.flatMap((row) => {
    const values = row.flatMap((value) => {
      const text = Buffer.from(value ?? "");
      return [int32(value === null ? -1 : text.length), text];
    });
    const body = Buffer.concat([Buffer.from([0, row.length]), ...values]);
    return [Buffer.from("D"), int32(body.length + 4), body];
  });
  const bytes = Buffer.concat(messages);
  const count = Math.ceil(bytes.length / CHUNK_BYTES);
  return Array.from({ length: count }, (_, n) => bytes.subarray(n * CHUNK_BYTES, (n + 1) * CHUNK_BYTES));
}

function int32(value) {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function encodeAsTheGateway() {
  const rows = [];
  const receiver = { dataRow: (row) => rows.push(row) };
  const reader = new MessageReader();
  for (const chunk of CHUNKS) reader.read(chunk, receiver);
  const result = { fields, rows, rowCount: rows.length, commandTag: `SELECT ${rows.length}`, userTypes: new Map() };
  return encodeAnswer([result], { isBatch: false, statements: [] }, Number.POSITIVE_INFINITY);
}

function encodeTheUsualWay() {
  const rows = [];
  const socket = new EventEmitter();
  void parseMessages(socket, (message) => rows.push(message.fields));
  for (const chunk of CHUNKS) socket.emit("data", chunk);
  const parsers = fields.map(({ typeOid }) => pg.types.getTypeParser(typeOid, "text"));
  const objects = rows.map((row) => {
    const object = {};
    for (let index = 0; index < row.length; index++) {
      object[fields[index].name] = row[index] === null ? null : parsers[index](row[index]);
    }
    return object;
  });
  // The text is turned into bytes, as for a socket, because a string that was only concatenated has not cost its full price yet.
  return Buffer.from(JSON.stringify({ rows: objects, row_count: rows.length }));
}

function rowsPerCpuSecond(encode) {
  const before = process.cpuUsage();
  const until = performance.now() + ROUND_MS;
  let rows = 0;
  while (performance.now() < until) {
    encode();
    rows += ROW_COUNT;
  }
  const { user, system } = process.cpuUsage(before);
  return (rows / (user + system)) * 1e6;
}

const median = (numbers) => numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)];

// Rounds alternate, so that a slower machine slows both ways.
const rates = { gateway: [], usual: [] };
for (let round = 0; round < ROUNDS; round++) {
  rates.gateway.push(rowsPerCpuSecond(encodeAsTheGateway));
  rates.usual.push(rowsPerCpuSecond(encodeTheUsualWay));
}
const gateway = Math.round(median(rates.gateway));
const usual = Math.round(median(rates.usual));
process.stdout.write(
  `${JSON.stringify({
    bench: "encoding",
    rows: ROW_COUNT,
    columns: columns.length,
    rows_per_cpu_second: { gateway, usual },
    ratio: Number((gateway / usual).toFixed(2)),
  })}\n`,
);
