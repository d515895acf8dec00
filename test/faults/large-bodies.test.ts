// Sends bodies of the largest size in every shape. While the gateway reads, checks, judges and forwards such a body, it goes on
// answering others, and its memory grows by at most four times the body.

import { readFileSync } from "node:fs";
import { request } from "node:http";
import { text as textOf } from "node:stream/consumers";
import { expect, it } from "vitest";
import { useBuiltCli } from "../support/cli.ts";
import { post } from "../support/gateway.ts";
import { startGatewayProcess } from "./gateway-process.ts";

const BODY_BYTES = 10 * 1024 * 1024;
/** The gateway promises at most 50 ms of extra delay. A machine that is busy with other tests may take five times that. */
const MAX_DELAY_MS = 250;
/** How many times longer a request may take than the slowest one before the test, which shows how busy the machine is. */
const MAX_SLOWDOWN = 5;
const REQUESTS_BEFORE = 30;
const MAX_GROWTH = 4;
/** The memory that the process may take for other purposes: spare heap and PostgreSQL's answers. */
const OWN_BYTES = 48 * 1024 * 1024;

function object(keys: number): string {
  return `{${Array.from({ length: keys }, (_, key) => `"key${key}":${key}`).join()}}`;
}

/** Repeats a text, separated by commas, until it fills a body. */
function repeated(text: string): string {
  return Array(Math.floor((BODY_BYTES - 200) / (text.length + 1)))
    .fill(text)
    .join();
}

function filled(text: string): string {
  return text.repeat(Math.floor((BODY_BYTES - 200) / Buffer.byteLength(text)));
}

const asParameter = (json: string, type: string): string =>
  `{"sql":"SELECT length(($1::${type})::text)","params":[${json}]}`;
const ignored = (json: string): string => `{"sql":"SELECT 1","note":${json}}`;
const halves = Math.floor((BODY_BYTES - 200) / 2);

/** The bodies and the allowed statuses. PostgreSQL causes 500 when a body needs more memory than a session may have. */
const SHAPES: readonly (readonly [what: string, body: string, statuses: readonly number[]])[] = [
  ["objects of 110 keys that nobody asks for", ignored(`[${repeated(object(110))}]`), [200]],
  ["an object of a million keys", ignored(`{${repeated('"k":1')}}`), [200]],
  ["distinct keys", ignored(object(500_000)), [200]],
  ["empty arrays", ignored(`[${repeated("[]")}]`), [200]],
  ["brackets", ignored("[".repeat(halves) + "]".repeat(halves)), [200]],
  ["nested objects", ignored('{"":'.repeat(halves / 3) + "1" + "}".repeat(Math.floor(halves / 3))), [200, 400]],
  ["keys beside the statement", `{${repeated('"keys":0')},"sql":"SELECT 1"}`, [200]],
  ["a statement, again and again", `{${repeated('"sql":"SELECT 1"')}}`, [200]],
  ["a long statement", `{"sql":"SELECT '${filled("x")}'"}`, [400]],
  ["a long statement of escapes", `{"sql":"SELECT '${filled("\\u0041")}'"}`, [400]],
  ["a long key", `{"${filled("k")}":1,"sql":"SELECT 1"}`, [200]],
  ["a long string", asParameter(`"${filled("x")}"`, "text"), [200]],
  ["a long string of escapes", asParameter(`"${filled("\\n")}"`, "text"), [200]],
  ["a long string of escaped letters", asParameter(`"${filled("\\u00e4")}"`, "text"), [200]],
  ["a long string of many alphabets", asParameter(`"${filled("aä€😀")}"`, "text"), [200]],
  ["strings of middle length", `{"sql":"SELECT 1","params":[${repeated(`"${"x".repeat(9_000)}😀"`)}]}`, [400]],
  ["parameters", `{"sql":"SELECT 1","params":[${repeated("1")}]}`, [400]],
  [
    "lists of parameters",
    `{"statements":[${repeated(`{"sql":"SELECT 1","params":[${"1,".repeat(65_534)}1]}`)}]}`,
    [400],
  ],
  ["a batch of many parameters", `{"statements":[${Array(6).fill(manyParameters()).join()}]}`, [200, 400]],
  ["an array of numbers", asParameter(`[${repeated("1")}]`, "int[]"), [200]],
  ["an array of whole numbers with zeros", asParameter(`[${repeated("5.0")}]`, "int[]"), [200]],
  ["an array of strings", asParameter(`[${repeated('"a\\\\u00e4"')}]`, "text[]"), [200]],
  ["an array of documents", asParameter(`[${repeated('{"a":"b"}')}]`, "jsonb[]"), [200, 500]],
  ["an array of objects for text", asParameter(`[${repeated(object(110))}]`, "text[]"), [200]],
  ["a document", asParameter(`[${repeated(object(110))}]`, "jsonb"), [200]],
  ["a long number", asParameter(filled("1"), "text"), [200, 500]],
  ["statements", `{"statements":[${repeated('{"sql":"SELECT 1"}')}]}`, [400]],
  [
    "statements that are long",
    `{"statements":[${Array(40)
      .fill(`{"sql":"SELECT '${"x".repeat(250_000)}'"}`)
      .join()}]}`,
    [200, 400],
  ],
  ["no JSON", `{"sql":"SELECT 1","note":[${repeated("1")}`, [400]],
  ["no UTF-8", `{"sql":"SELECT 1","note":"${"\u00ff".repeat(100)}${filled("x")}"}`, [400]],
];

/** A statement with 40,000 parameters. */
function manyParameters(): string {
  const places = Array.from({ length: 40_000 }, (_, index) => `$${index + 1}`).join();
  return `{"sql":"SELECT num_nonnulls(${places})","params":[${"1,".repeat(39_999)}1]}`;
}

useBuiltCli();

/** Returns how many bytes of memory the process has at this moment. */
function residentBytes(pid: number): number {
  return 1024 * Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
}

function send(url: string, token: string, body: Buffer): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      "content-length": body.length,
    };
    request(`${url}/query`, { method: "POST", headers, agent: false }, (response) => {
      textOf(response).then((text) => resolve({ status: response.statusCode ?? 0, text }), reject);
    })
      .on("error", reject)
      .end(body);
  });
}

it("large bodies of every shape do not delay other requests", { timeout: 600_000 }, async () => {
  const { url, token, pid } = await startGatewayProcess();
  const point = JSON.stringify({ sql: "SELECT $1::int AS one", params: [1] });
  const askOne = async (): Promise<number> => {
    const since = performance.now();
    expect((await post(url, token, point)).status).toBe(200);
    return performance.now() - since;
  };
  const report: string[] = [];
  for (const [what, text, statuses] of SHAPES) {
    const body = what === "no UTF-8" ? Buffer.from(text, "latin1") : Buffer.from(text);
    let usual = 0;
    for (let asked = 0; asked < REQUESTS_BEFORE; asked += 1) usual = Math.max(usual, await askOne());
    const before = residentBytes(pid);
    let [slowest, most, isOver] = [0, before, false];
    const startedAt = performance.now();
    const large = send(url, token, body).finally(() => (isOver = true));
    while (!isOver) {
      slowest = Math.max(slowest, await askOne());
      most = Math.max(most, residentBytes(pid));
    }
    const answer = await large;
    const growth = most - before;
    report.push(
      `${what}: ${body.length} bytes, ${answer.status} in ${Math.round(performance.now() - startedAt)} ms, others ${Math.round(slowest)} ms (${Math.round(usual)} before), ${(growth / body.length).toFixed(1)} times its size`,
    );
    expect.soft(statuses, `${what}: ${answer.text.slice(0, 200)}`).toContain(answer.status);
    expect.soft(slowest, `${what}: the slowest of the others`).toBeLessThan(MAX_DELAY_MS + MAX_SLOWDOWN * usual);
    expect.soft(growth, `${what}: memory`).toBeLessThan(MAX_GROWTH * body.length + OWN_BYTES);
  }
  console.info(report.join("\n"));
});
