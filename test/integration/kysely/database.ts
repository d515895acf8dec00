// The tables that the tests of Kysely use, made by its own schema builder.

import { type ColumnType, type Generated, type Kysely, sql } from "kysely";
import { batch } from "../../../src/kysely/index.ts";

export interface Database {
  readonly person: {
    id: Generated<number>;
    name: string;
    team_id: number | null;
    mood: Generated<"happy" | "sad">;
    born: string | null;
  };
  readonly team: {
    id: Generated<number>;
    name: string;
    budget: ColumnType<string, string | number | undefined, string | number>;
  };
  readonly pet: { id: Generated<number>; owner_id: number; name: string; species: string; weight: number | null };
  readonly sample: {
    id: Generated<string>;
    big: ColumnType<string, bigint | number | string> | null;
    exact: string | null;
    at: ColumnType<Date, Date | string> | null;
    local: ColumnType<Date, Date | string> | null;
    day: string | null;
    data: Uint8Array | null;
    doc: ColumnType<unknown, unknown, unknown>;
    tags: string[] | null;
    numbers: ColumnType<string[], readonly (bigint | number)[]> | null;
    moods: string[] | null;
    even: number | null;
    ratio: number | null;
    key: string | null;
    length: string | null;
    span: string | null;
  };
}

export async function createTables(db: Kysely<Database>): Promise<void> {
  const { schema } = db;
  await batch(db, [
    schema.createType("mood").asEnum(["happy", "sad"]),
    sql`create domain even as int constraint is_even check (value % 2 = 0)`,
    schema
      .createTable("team")
      .addColumn("id", "serial", (column) => column.primaryKey())
      .addColumn("name", "varchar(50)", (column) => column.notNull().unique())
      .addColumn("budget", "numeric(12, 2)", (column) => column.notNull().defaultTo(0)),
    schema
      .createTable("person")
      .addColumn("id", "serial", (column) => column.primaryKey())
      .addColumn("name", "text", (column) => column.notNull())
      .addColumn("team_id", "integer", (column) => column.references("team.id").onDelete("set null"))
      .addColumn("mood", sql`mood`, (column) => column.notNull().defaultTo("happy"))
      .addColumn("born", "date"),
    schema
      .createTable("pet")
      .addColumn("id", "serial", (column) => column.primaryKey())
      .addColumn("owner_id", "integer", (column) => column.notNull().references("person.id").onDelete("cascade"))
      .addColumn("name", "text", (column) => column.notNull())
      .addColumn("species", "text", (column) => column.notNull())
      .addColumn("weight", "double precision")
      .addUniqueConstraint("pet_of_owner", ["owner_id", "name"])
      .addCheckConstraint("weighs", sql`weight > 0`),
    schema
      .createTable("sample")
      .addColumn("id", "bigserial", (column) => column.primaryKey())
      .addColumn("big", "bigint")
      .addColumn("exact", "numeric")
      .addColumn("at", "timestamptz")
      .addColumn("local", "timestamp")
      .addColumn("day", "date")
      .addColumn("data", "bytea")
      .addColumn("doc", "jsonb")
      .addColumn("tags", sql`text[]`)
      .addColumn("numbers", sql`int8[]`)
      .addColumn("moods", sql`mood[]`)
      .addColumn("even", sql`even`)
      .addColumn("ratio", "double precision")
      .addColumn("key", "uuid")
      .addColumn("length", sql`interval`)
      .addColumn("span", sql`int4range`),
  ]);
}
