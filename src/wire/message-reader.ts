// PostgreSQL's backend messages (protocol 3), cut out of what the socket brings and handed on one by one. In charge of where a
// message begins and ends and of what stands in it; what it means is the receiver's (exchange.ts). The driver's own reader,
// which logs in, makes an object and an event of each message and strings of all values: here rows stay bytes.

import pg from "pg";
import type { DataRow } from "./data-row.ts";
import { MessageBody } from "./message-body.ts";
import type { Field } from "./field.ts";
import { RowDescriptions } from "./row-descriptions.ts";

/** Takes the messages that an extended query is answered with. */
export interface MessageReceiver {
  parseComplete(): void;
  bindComplete(): void;
  parameterDescription(typeOids: readonly number[]): void;
  rowDescription(fields: readonly Field[]): void;
  dataRow(row: DataRow): void;
  commandComplete(commandTag: string): void;
  emptyQuery(): void;
  portalSuspended(): void;
  serverError(error: pg.DatabaseError): void;
  /** @param status `I` outside a transaction. */
  readyForQuery(status: string): void;
  /** So many of the bytes that the server sends are no part of a result: a notice, or the end of a long error. */
  uncounted(bytes: number): void;
  /** No approved statement is answered with it: COPY, or what no server should send. */
  unexpected(): void;
}

const CODE_BYTES = 1;
const HEADER_BYTES = 5;
/** The length counts itself. */
const MIN_LENGTH = 4;
const MAX_LATEST_PIECES = 1_024;
/** PostgreSQL's own bound, its terminator included. */
const MAX_COMMAND_TAG_BYTES = 64;
/** A message may quote megabytes that it was given, and there is no limit on errors that wait for their readers. */
const MAX_ERROR_TEXT_BYTES = 8 * 1024;
/** The last line of an error's context says where in the protocol it happened. */
const CONTEXT = 0x57; // 'W'
const MAX_CONTEXT_BYTES = 256;
/** An error may quote a gigabyte. More than this much of it is not kept. */
const MAX_ERROR_BYTES = 32 * 1024;
const NOTICE = 0x4e; // 'N'
const ERROR = 0x45; // 'E'
const SQLSTATE = /^[0-9A-Z]{5}$/;

const ignore = (): void => undefined;

/** Takes no notice. */
export const NOBODY: MessageReceiver = {
  parseComplete: ignore,
  bindComplete: ignore,
  parameterDescription: ignore,
  rowDescription: ignore,
  dataRow: ignore,
  commandComplete: ignore,
  emptyQuery: ignore,
  portalSuspended: ignore,
  serverError: ignore,
  readyForQuery: ignore,
  uncounted: ignore,
  unexpected: ignore,
};

export class MessageReader {
  /** The beginning of a message of which more is to come, in pieces. */
  #pieces: Buffer[] = [];
  /** The last ones, until they are enough for one piece: as it comes, a byte takes more than a hundred. */
  #latest: Buffer[] = [];
  #pieceBytes = 0;
  /** As many bytes as the message is known to have. */
  #wantedBytes = HEADER_BYTES;
  /** Number of bytes to come that belong to a message of which no more is read. */
  #skippedBytes = 0;

  /** @throws Error for what is no message: the connection cannot be used any more. */
  read(chunk: Buffer, receiver: MessageReceiver): void {
    if (this.#skippedBytes > 0) {
      const skipped = Math.min(this.#skippedBytes, chunk.length);
      this.#skippedBytes -= skipped;
      if (skipped < chunk.length) this.read(chunk.subarray(skipped), receiver);
      return;
    }
    let bytes = chunk;
    if (this.#pieceBytes > 0) {
      this.#latest.push(chunk);
      this.#pieceBytes += chunk.length;
      if (this.#pieceBytes < this.#wantedBytes) {
        this.#gather();
        return;
      }
      bytes = Buffer.concat([...this.#pieces, ...this.#latest], this.#pieceBytes);
    }
    this.#keep(bytes, this.#readWhole(bytes, receiver));
  }

  #gather(): void {
    if (this.#latest.length < MAX_LATEST_PIECES) return;
    this.#pieces.push(Buffer.concat(this.#latest));
    this.#latest = [];
  }

  /** Hands the complete messages on, and gives the place behind them. */
  #readWhole(bytes: Buffer, receiver: MessageReceiver): number {
    let at = 0;
    this.#wantedBytes = HEADER_BYTES;
    while (at + HEADER_BYTES <= bytes.length) {
      const length = bytes.readInt32BE(at + CODE_BYTES);
      if (length < MIN_LENGTH) throw new Error("The server sent a message of no possible length");
      const end = at + CODE_BYTES + length;
      if (end > bytes.length) return this.#begin(bytes, at, receiver);
      const handle = HANDLER_OF_CODE[bytes[at] ?? 0] ?? unexpected;
      handle(receiver, bytes.subarray(at + HEADER_BYTES, end));
      at = end;
    }
    return at;
  }

  /** Handles the message at `at`, of which more is to come. Returns the place from which on bytes are kept. */
  #begin(bytes: Buffer, at: number, receiver: MessageReceiver): number {
    const length = CODE_BYTES + bytes.readInt32BE(at + CODE_BYTES);
    const available = bytes.length - at;
    const isError = bytes[at] === ERROR;
    if (bytes[at] !== NOTICE && !(isError && available >= MAX_ERROR_BYTES)) {
      this.#wantedBytes = isError ? Math.min(length, MAX_ERROR_BYTES) : length;
      return at;
    }
    this.#skippedBytes = length - available;
    receiver.uncounted(isError ? this.#skippedBytes : length);
    if (isError) receiver.serverError(readBeginningOfError(bytes.subarray(at + HEADER_BYTES)));
    return bytes.length;
  }

  #keep(bytes: Buffer, from: number): void {
    this.#pieceBytes = bytes.length - from;
    this.#pieces = this.#pieceBytes > 0 ? [bytes.subarray(from)] : [];
    this.#latest = [];
  }
}

/** Of all connections: the same bytes mean the same fields. */
const DESCRIPTIONS = new RowDescriptions();

function readTypes(body: MessageBody): number[] {
  return Array.from({ length: body.uint16() }, () => body.uint32());
}

/** By the letter of a field: what is told or decided by. Paths, lines and routines of the server's source are not. */
const ERROR_FIELDS = {
  S: "severity",
  C: "code",
  D: "detail",
  H: "hint",
  P: "position",
  s: "schema",
  t: "table",
  c: "column",
  d: "dataType",
  n: "constraint",
  W: "where",
} as const satisfies Record<string, keyof pg.DatabaseError>;

function readError(body: MessageBody): pg.DatabaseError {
  const fields = new Map<string, string>();
  for (let type = body.byte(); type !== 0; type = body.byte())
    fields.set(
      String.fromCharCode(type),
      type === CONTEXT ? body.endOfCstring(MAX_CONTEXT_BYTES) : body.cstring(MAX_ERROR_TEXT_BYTES),
    );
  const error = new pg.DatabaseError(fields.get("M") ?? "", body.length, "error");
  for (const [letter, key] of Object.entries(ERROR_FIELDS)) error[key] = fields.get(letter);
  if (!SQLSTATE.test(error.code ?? "")) error.code = undefined;
  return error;
}

/** Reads an error of which the end is missing. PostgreSQL sends severity and SQLSTATE first. */
function readBeginningOfError(body: Buffer): pg.DatabaseError {
  return readError(new MessageBody(Buffer.concat([body, Buffer.alloc(2)])));
}

function readCommandTag(body: Buffer): string {
  if (body.length > MAX_COMMAND_TAG_BYTES) throw new Error("The server sent a command tag of no possible length");
  return new MessageBody(body).cstring();
}

type Handler = (receiver: MessageReceiver, body: Buffer) => void;

const HANDLERS: Readonly<Record<string, Handler>> = {
  "1": (receiver) => receiver.parseComplete(),
  "2": (receiver) => receiver.bindComplete(),
  "3": ignore, // A statement was closed.
  A: ignore, // A notification.
  C: (receiver, body) => receiver.commandComplete(readCommandTag(body)),
  D: (receiver, body) => receiver.dataRow(body),
  E: (receiver, body) => receiver.serverError(readError(new MessageBody(body))),
  I: (receiver) => receiver.emptyQuery(),
  N: (receiver, body) => receiver.uncounted(HEADER_BYTES + body.length),
  S: ignore, // A setting has changed.
  T: (receiver, body) => receiver.rowDescription(DESCRIPTIONS.read(body)),
  Z: (receiver, body) => receiver.readyForQuery(String.fromCharCode(body[0] ?? 0)),
  n: ignore, // No rows will come.
  s: (receiver) => receiver.portalSuspended(),
  t: (receiver, body) => receiver.parameterDescription(readTypes(new MessageBody(body))),
};

const unexpected: Handler = (receiver) => receiver.unexpected();

const HANDLER_OF_CODE: readonly Handler[] = Array.from(
  { length: 256 },
  (_, code) => HANDLERS[String.fromCharCode(code)] ?? unexpected,
);
