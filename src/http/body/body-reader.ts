// Reads from the bytes of a body only the parts that the gateway needs: the statements' texts, their parameters and the options. All
// else stays bytes: no JavaScript value is made for an unknown key, and no text for a long parameter.

import { isAscii, isUtf8 } from "node:buffer";
import type { GatewayError } from "../../base/errors.ts";
import type { Parameter } from "../../base/parameters.ts";
import {
  BodyRecord,
  type BodyValue,
  type KnownKeys,
  MAX_STATEMENTS,
  ParameterList,
  RecordList,
} from "./body-record.ts";
import { invalid } from "./invalid.ts";
import { ESCAPES, JsonScanner } from "./json-scanner.ts";
import { type JsonKind, type JsonListener, nameOfKind } from "./json-listener.ts";
import { LongString } from "./long-string.ts";

/** The form of a protocol's bodies. */
export interface BodyForm {
  readonly keys: KnownKeys;
  /** The key of the list of parameters, in the body and in each statement of its list. */
  readonly parametersKey: string;
  /** The key of the list of statements. */
  readonly statementsKey: string;
  /** True if a key that is spelled almost like a known one is refused. Ignoring it could switch off a protection that was asked for. */
  readonly refusesNearMisses: boolean;
  /** A body to show in messages. */
  readonly example: string;
}

/**
 * Maximum number of parameters in all statements of a body together. Each parameter becomes an object, and the messages with all of
 * them are written without a pause.
 */
const MAX_PARAMETERS_OF_A_BODY = 250_000;
/** Values longer than this stay bytes. As texts they could take twice their size, and they would have to be encoded again. */
const LONG_VALUE_BYTES = 16_384;
/** The largest POSTGATE_MAX_SQL_KB, with each character written as an escape of six bytes. A longer text is refused in any case. */
const MAX_TEXT_BYTES = 6 * 1_048_576;

const NULL: Parameter = Object.freeze({ kind: "null" });
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

/** A long string with escapes. It is decoded when the whole body has been found to be JSON. */
interface Pending {
  readonly list: ParameterList;
  readonly index: number;
  readonly string: LongString;
}

interface Place {
  readonly kind: JsonKind;
  readonly start: number;
  readonly end: number;
}

export class BodyReader implements JsonListener {
  readonly #bytes: Buffer;
  readonly #form: BodyForm;
  readonly #scanner: JsonScanner;
  /** The whole body as a text if it is short and ASCII, because cutting a text out of it is cheaper than decoding one. */
  readonly #text: string | undefined;
  #root: BodyRecord | undefined;
  /** The object whose members are being read. Undefined between the elements of the list of statements. */
  #record: BodyRecord | undefined;
  /** The name of the member that is being read. Undefined if the name is not known. */
  #key: string | undefined;
  #statements: RecordList | undefined;
  #parameters: ParameterList | undefined;
  #parameterCount = 0;
  readonly #pending: Pending[] = [];
  #isScanned = false;

  constructor(bytes: Buffer, form: BodyForm) {
    this.#bytes = bytes;
    this.#form = form;
    this.#text = bytes.length <= LONG_VALUE_BYTES && isAscii(bytes) ? bytes.toString("latin1") : undefined;
    if (this.#text === undefined && !isUtf8(bytes)) throw invalid("The body is not valid UTF-8");
    const hasMark = BYTE_ORDER_MARK.every((byte, index) => bytes[index] === byte);
    this.#scanner = new JsonScanner(bytes, hasMark ? BYTE_ORDER_MARK.length : 0, this);
  }

  /**
   * Reads about `maxBytes` more bytes.
   *
   * @returns true when the whole body has been read
   * @throws GatewayError INVALID_REQUEST when the body is no JSON object or has too many parameters.
   */
  advance(maxBytes: number): boolean {
    if (this.#isScanned) return this.#decodePending(maxBytes);
    if (!this.#scanner.scan(maxBytes)) return false;
    if (this.#scanner.isBlank) throw invalid(`The body is empty; send a JSON object such as ${this.#form.example}`);
    this.#isScanned = true;
    return this.#pending.length === 0;
  }

  /** The body's known members. They are available when the whole body has been read. */
  get body(): BodyRecord {
    if (this.#root === undefined) throw new Error("The body is not read yet");
    return this.#root;
  }

  key(start: number, end: number): void {
    const { keys } = this.#form;
    const place = { start: start + 1, end: end - 1 };
    this.#key = this.#scanner.escapes === 0 ? keys.find(this.#bytes, place) : keys.findEscaped(this.#bytes, place);
    if (this.#key === undefined && this.#form.refusesNearMisses) this.#refuseNearMiss(place);
  }

  open(kind: "object" | "array"): boolean {
    if (this.#parameters !== undefined) return false;
    if (this.#record === undefined) return this.#openRecord(kind);
    if (kind === "object") return false;
    if (this.#key === this.#form.parametersKey) {
      this.#parameters = new ParameterList();
      return true;
    }
    if (this.#key !== this.#form.statementsKey || this.#record !== this.#root) return false;
    this.#statements = new RecordList();
    this.#record = undefined;
    return true;
  }

  value(kind: JsonKind, start: number, end: number): void {
    if (this.#parameters !== undefined) this.#addParameter(this.#parameters, { kind, start, end });
    else if (this.#record !== undefined) {
      if (this.#key !== undefined) this.#record.set(this.#key, this.#valueAt({ kind, start, end }));
    } else if (this.#statements !== undefined) this.#statements.add(kind);
    else throw this.#noObject(kind);
  }

  close(): void {
    if (this.#parameters !== undefined) {
      this.#record?.set(this.#form.parametersKey, this.#parameters);
      this.#parameters = undefined;
    } else if (this.#statements === undefined)
      return; // This is the end of the body itself.
    else if (this.#record !== undefined) {
      this.#statements.add(this.#record);
      this.#record = undefined;
    } else {
      this.#root?.set(this.#form.statementsKey, this.#statements);
      this.#record = this.#root;
      this.#statements = undefined;
    }
  }

  /** Opens an element of the list of statements, or the body itself. */
  #openRecord(kind: "object" | "array"): boolean {
    if (this.#statements === undefined) {
      if (kind === "array") throw this.#noObject(kind);
      this.#root = new BodyRecord();
      this.#record = this.#root;
      return true;
    }
    if (kind === "array" || this.#statements.count >= MAX_STATEMENTS) return false;
    this.#record = new BodyRecord();
    return true;
  }

  #refuseNearMiss(place: Pick<Place, "start" | "end">): void {
    const known = this.#form.keys.findNearMiss(this.#bytes, place);
    if (known === undefined) return;
    const key = this.#bytes.toString("latin1", place.start, place.end);
    throw invalid(`The body has the key "${key}"; write "${known}"`);
  }

  #noObject(kind: JsonKind): GatewayError {
    return invalid(`The body is ${nameOfKind(kind)}; send a JSON object such as ${this.#form.example}`);
  }

  #valueAt({ kind, start, end }: Place): BodyValue {
    const { escapes } = this.#scanner;
    const isOfUse = kind !== "object" && kind !== "array" && end - start <= MAX_TEXT_BYTES;
    if (!isOfUse) return { kind, text: undefined, escapes };
    if (kind !== "string") return { kind, text: this.#bytes.toString("latin1", start, end), escapes };
    // The text is not cut out of `#text`: it may be kept for longer than the body, and would keep the whole body in memory.
    const text = this.#bytes.toString("utf8", escapes === 0 ? start + 1 : start, escapes === 0 ? end - 1 : end);
    return { kind, text: escapes === 0 ? text : (JSON.parse(text) as string), escapes };
  }

  #addParameter(list: ParameterList, place: Place): void {
    this.#parameterCount += 1;
    if (this.#parameterCount > MAX_PARAMETERS_OF_A_BODY)
      throw invalid(`The body has more than ${MAX_PARAMETERS_OF_A_BODY} parameters; send fewer at a time`);
    const { escapes } = this.#scanner;
    if (escapes >= ESCAPES.nul) list.fault ??= { index: list.count, escapes };
    if (place.kind === "array") list.depth = Math.max(list.depth, 1 + this.#scanner.arrayDepth);
    list.add(this.#parameterAt(place, list));
  }

  #parameterAt({ kind, start, end }: Place, list: ParameterList): Parameter {
    if (kind === "null") return NULL;
    if (kind !== "string") return { kind, text: this.#textAt(start, end) };
    if (this.#scanner.escapes === 0) return { kind, text: this.#textAt(start + 1, end - 1) };
    if (end - start <= LONG_VALUE_BYTES) return { kind, text: JSON.parse(this.#shortTextAt(start, end)) as string };
    if (this.#scanner.escapes === ESCAPES.any)
      this.#pending.push({ list, index: list.count, string: new LongString(this.#bytes, start + 1, end - 1) });
    return NULL; // #decodePending replaces it, unless the parameter is refused.
  }

  #textAt(start: number, end: number): string | Buffer {
    return end - start > LONG_VALUE_BYTES ? this.#bytes.subarray(start, end) : this.#shortTextAt(start, end);
  }

  #shortTextAt(start: number, end: number): string {
    return this.#text === undefined ? this.#bytes.toString("utf8", start, end) : this.#text.slice(start, end);
  }

  #decodePending(maxBytes: number): boolean {
    const next = this.#pending[0];
    if (next?.string.advance(maxBytes) === true) {
      next.list.parameters[next.index] = { kind: "string", text: next.string.bytes };
      this.#pending.shift();
    }
    return this.#pending.length === 0;
  }
}
