// Rows encoded per second of CPU, a result of 1,000 rows with 10 mixed columns: text to text as the gateway does it,
// against the usual way (pg's type parsers, an object per row, JSON.stringify). Prints one line of JSON.
//   npm run build && node bench/encoding.mjs
import pg from "pg";
import { encodeResultSet } from "../dist/encoding/encode-result-set.js";

const ROW_COUNT = 1_000;
const ROUNDS = 5;
const ROUND_MS = 1_000;

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

const result = {
  fields: columns.map(({ name, typeOid }) => ({ name, typeOid })),
  rows: Array.from({ length: ROW_COUNT }, (_, n) => columns.map(({ value }) => value(n))),
  rowCount: ROW_COUNT,
  userTypes: new Map(),
};

function encodeTheUsualWay({ fields, rows, rowCount }) {
  const parsers = fields.map(({ typeOid }) => pg.types.getTypeParser(typeOid, "text"));
  const objects = rows.map((row) => {
    const object = {};
    for (let index = 0; index < row.length; index++) {
      object[fields[index].name] = row[index] === null ? null : parsers[index](row[index]);
    }
    return object;
  });
  return JSON.stringify({ rows: objects, row_count: rowCount });
}

function rowsPerCpuSecond(encode) {
  const before = process.cpuUsage();
  const until = performance.now() + ROUND_MS;
  let rows = 0;
  while (performance.now() < until) {
    // The text is turned into bytes, as for a socket: a string that was only concatenated has not been paid for yet.
    Buffer.from(encode(result));
    rows += ROW_COUNT;
  }
  const { user, system } = process.cpuUsage(before);
  return (rows / (user + system)) * 1e6;
}

const median = (numbers) => numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)];

// Rounds alternate, so that a machine that slows down slows both.
const rates = { gateway: [], usual: [] };
for (let round = 0; round < ROUNDS; round++) {
  rates.gateway.push(rowsPerCpuSecond(encodeResultSet));
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
