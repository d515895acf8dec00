import { describe, expect, it } from "vitest";
import { MessageReader, type MessageReceiver } from "../../../src/wire/message-reader.ts";
import { dataRow } from "../../support/data-row.ts";

function message(code: string, body: Buffer | string = ""): Buffer {
  const bytes = Buffer.from(body);
  const header = Buffer.alloc(5);
  header.write(code, "latin1");
  header.writeInt32BE(bytes.length + 4, 1);
  return Buffer.concat([header, bytes]);
}

/** Every message of an answer, with what it says. */
function record(): { readonly said: unknown[]; readonly receiver: MessageReceiver } {
  const said: unknown[] = [];
  const note =
    (name: string) =>
    (...values: unknown[]): void =>
      void said.push([name, ...values]);
  const receiver: MessageReceiver = {
    parseComplete: note("parsed"),
    bindComplete: note("bound"),
    parameterDescription: note("parameters"),
    rowDescription: note("fields"),
    dataRow: note("row"),
    commandComplete: note("completed"),
    emptyQuery: note("empty"),
    portalSuspended: note("suspended"),
    serverError: ({ message: text, code, detail }) => note("error")(text, code, detail),
    readyForQuery: note("ready"),
    uncounted: note("uncounted"),
    unexpected: note("unexpected"),
  };
  return { said, receiver };
}

const FIELD = Buffer.concat([Buffer.from("naïve\0"), Buffer.from("00000400000300000019ffffffffffff0000", "hex")]);
const ROW = dataRow(["x".repeat(300), null, ""]);
const ANSWER: readonly { readonly bytes: Buffer; readonly says?: readonly unknown[] }[] = [
  { bytes: message("1"), says: ["parsed"] },
  { bytes: message("t", Buffer.from("00020000001700000bd9", "hex")), says: ["parameters", [23, 3033]] },
  { bytes: message("3") },
  { bytes: message("2"), says: ["bound"] },
  { bytes: message("n") },
  { bytes: message("N", "SNOTICE\0Mhello\0\0"), says: ["uncounted", 21] },
  { bytes: message("S", "TimeZone\0UTC\0") },
  {
    bytes: message("T", Buffer.concat([Buffer.from([0, 1]), FIELD])),
    says: ["fields", [{ name: "naïve", tableOid: 1024, columnNumber: 3, typeOid: 25, typeSize: -1, typeModifier: -1 }]],
  },
  { bytes: message("D", ROW), says: ["row", ROW] },
  { bytes: message("s"), says: ["suspended"] },
  { bytes: message("C", "INSERT 0 5\0"), says: ["completed", "INSERT 0 5"] },
  { bytes: message("I"), says: ["empty"] },
  {
    bytes: message("E", "SERROR\0VERROR\0C23505\0Mduplicate\0Dof é\0Fsome.c\0\0"),
    says: ["error", "duplicate", "23505", "of é"],
  },
  { bytes: message("G", Buffer.from([0, 0, 0])), says: ["unexpected"] },
  { bytes: message("Z", "I"), says: ["ready", "I"] },
];
const BYTES = Buffer.concat(ANSWER.map(({ bytes }) => bytes));
const SAID = ANSWER.flatMap(({ says }) => (says === undefined ? [] : [says]));

describe("MessageReader", () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 11, 64, 301, 10_000])("reads an answer in pieces of %i bytes", (size) => {
    const { said, receiver } = record();
    const reader = new MessageReader();
    for (let at = 0; at < BYTES.length; at += size) reader.read(Buffer.from(BYTES.subarray(at, at + size)), receiver);

    expect(said).toEqual(SAID);
  });

  it("reads one large message in time that grows with its size", () => {
    const { said, receiver } = record();
    const reader = new MessageReader();
    const row = dataRow(["x".repeat(32 * 1024 * 1024)]);
    const bytes = message("D", row);
    for (let at = 0; at < bytes.length; at += 4_096) reader.read(bytes.subarray(at, at + 4_096), receiver);

    expect(said).toHaveLength(1);
  });

  it("reads a large message that comes byte by byte", () => {
    const { said, receiver } = record();
    const reader = new MessageReader();
    const row = dataRow(["x".repeat(100_000), "y"]);
    for (const byte of Buffer.concat([message("D", row), message("D", ROW)]))
      reader.read(Buffer.from([byte]), receiver);

    expect(said).toEqual([
      ["row", row],
      ["row", ROW],
    ]);
  });

  it("cuts what an error says where that is longer than anybody reads", () => {
    const { said, receiver } = record();
    const long = "é".repeat(1_000_000);
    new MessageReader().read(message("E", `SERROR\0C22P02\0M${long}\0D${long}\0\0`), receiver);

    const cut = `${"é".repeat(4_096)}…`;
    expect(said).toEqual([["error", cut, "22P02", cut]]);
  });

  it.each(["", "constructor", "22P0", "22p02", "22P02\n"])("takes %j for no SQLSTATE", (code) => {
    const { said, receiver } = record();
    new MessageReader().read(message("E", `SERROR\0C${code}\0Mno\0\0`), receiver);

    expect(said).toEqual([["error", "no", undefined, undefined]]);
  });

  it.each([
    { name: "a length below its own size", bytes: Buffer.from("440000000300", "hex") },
    { name: "a negative length", bytes: Buffer.from("44ffffffff00", "hex") },
    { name: "a row description that announces more fields than it holds", bytes: message("T", Buffer.from([0, 100])) },
    { name: "a command tag that does not end", bytes: message("C", "SELECT 1") },
    { name: "a command tag longer than any", bytes: message("C", `${"1".repeat(1_000_000)} \0`) },
    { name: "an error that does not end", bytes: message("E", "SERROR") },
  ])("takes nothing more after $name", ({ bytes }) => {
    expect(() => new MessageReader().read(bytes, record().receiver)).toThrow();
  });
});

describe("a message that is not kept as a whole", () => {
  const notice = message("N", Buffer.from(`SINFO\0M${"n".repeat(200_000)}\0\0`));
  const error = message("E", Buffer.from(`SERROR\0C22P02\0M${"e".repeat(200_000)}\0Wnever read\0\0`));
  const after = message("C", "INSERT 0 1\0");

  it.each([1, 7, 1_000, 32_768, 65_536, 1_000_000])("is read in pieces of %i bytes", (size) => {
    const { said, receiver } = record();
    const reader = new MessageReader();
    const bytes = Buffer.concat([notice, error, after, notice, after]);
    for (let at = 0; at < bytes.length; at += size) reader.read(bytes.subarray(at, at + size), receiver);
    const messages = said as (readonly [string, ...unknown[]])[];
    expect(messages.filter(([name]) => name !== "uncounted")).toEqual([
      ["error", `${"e".repeat(8 * 1024)}…`, "22P02", undefined],
      ["completed", "INSERT 0 1"],
      ["completed", "INSERT 0 1"],
    ]);
    const uncounted = messages.map(([name, count]) => (name === "uncounted" ? Number(count) : 0));
    expect(Math.max(...uncounted)).toBe(notice.length);
  });
});
