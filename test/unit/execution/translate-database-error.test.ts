import pg from "pg";
import { describe, expect, it } from "vitest";
import {
  outcomeUnknown,
  translateDatabaseError,
  unavailable,
} from "../../../src/execution/translate-database-error.ts";

function databaseError(code: string, message: string, fields: Partial<pg.DatabaseError> = {}): pg.DatabaseError {
  return Object.assign(new pg.DatabaseError(message, 0, "error"), { code, ...fields });
}

describe("translateDatabaseError", () => {
  it("keeps what PostgreSQL says of the caller's own", () => {
    const fields = { detail: "Key (id)=(1) already exists.", table: "notes", constraint: "notes_pkey", position: "7" };
    const error = translateDatabaseError(databaseError("23505", "duplicate key", fields));
    expect(error).toMatchObject({ code: "DATABASE_ERROR", message: "duplicate key" });
    expect(error.details).toEqual({ ...fields, position: 7, sqlstate: "23505" });
  });

  it("leaves out what tells of the server", () => {
    const fields = { schema: "s", file: "x.c", line: "1", routine: "r", where: "w", internalQuery: "q", dataType: "t" };
    expect(translateDatabaseError(databaseError("22012", "division by zero", fields)).details).toEqual({
      sqlstate: "22012",
    });
  });

  it.each([
    ["40P01", "Process 12 waits for ShareLock on transaction 3", "See server log for query details."],
    ["2BP01", "view other.v depends on table t", undefined],
    ["42501", "anything", "anything"],
    ["23503", 'Key is not present in table "tenant_0123456789abcdef0123456789abcdef_x.t".', undefined],
  ])("leaves out detail and hint of %s", (code, detail, hint) => {
    const error = translateDatabaseError(
      databaseError(code, "failed", { detail, ...(hint === undefined ? {} : { hint }) }),
    );
    expect(error.details).toEqual({ sqlstate: code });
  });

  it.each([
    ["42501", "permission denied for schema tenant_0123456789abcdef0123456789abcdef_bob", "Permission denied"],
    ["42704", 'role "postgate_t5_00" does not exist', "The statement failed"],
    ["3F000", 'schema "bob" does not exist', "No such schema"],
    ["58030", 'could not open file "base/5/16384": I/O error', "The database server reported a system error"],
    ["53100", 'could not extend file "base/5/16384"', "The database server is out of disk space"],
    [
      "XX000",
      "cache lookup failed for type 16384",
      "PostgreSQL cannot run this statement: it met a limit or a state that it did not expect",
    ],
    ["XX001", "invalid page in block 0 of base/5/16384", "The database server reported an internal error"],
    ["42501", "permission denied for table notes", "permission denied for table notes"],
  ])("says of %s %s: %s", (code, message, expected) => {
    expect(translateDatabaseError(databaseError(code, message)).message).toBe(expected);
  });
});

describe("the errors of a connection", () => {
  it("tell apart what was not run and what may have been", () => {
    expect(unavailable("no")).toMatchObject({ code: "UNAVAILABLE", retryAfterSeconds: 1 });
    expect(outcomeUnknown()).toMatchObject({ code: "DATABASE_ERROR", details: { sqlstate: "08007" } });
  });
});
