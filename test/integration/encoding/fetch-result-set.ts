// A result set as execution hands it over, fetched by the plain driver: text as PostgreSQL sent it, types looked up.

import pg from "pg";
import { FIRST_LOOKED_UP_TYPE_OID, type ResultSet, type UserType } from "../../../src/execution/results/result-set.ts";
import type { ConnectionSettings } from "../../../src/postgres/connection-settings.ts";
import { dataRow } from "../../support/data-row.ts";

/** The settings that execution pins for every statement. */
const PINNED = {
  DateStyle: "ISO",
  IntervalStyle: "postgres",
  TimeZone: "UTC",
  bytea_output: "hex",
  extra_float_digits: "1",
  lc_monetary: "C",
};

const TYPE_SQL = `
  select type.oid::int as oid, type.typbasetype::int as base_oid, type.typelem::int as element_oid,
         type.typtype = 'd' as is_domain, type.typinput = 'array_in'::regproc as is_array,
         (select element.typdelim from pg_type as element where element.oid = type.typelem) as delimiter
  from pg_type as type where type.oid = $1`;

interface TypeRow {
  readonly base_oid: number;
  readonly element_oid: number;
  readonly is_domain: boolean;
  readonly is_array: boolean;
  readonly delimiter: string;
}

export async function connect(connection: ConnectionSettings): Promise<pg.Client> {
  const { host, port, user, database } = connection;
  const options = Object.entries(PINNED).map(([name, value]) => `-c ${name}=${value}`);
  const client = new pg.Client({ host, port, user, database, password: "", options: options.join(" ") });
  await client.connect();
  return client;
}

export async function fetchResultSet(client: pg.Client, sql: string, values: unknown[] = []): Promise<ResultSet> {
  const types = { getTypeParser: () => (text: string) => text };
  const { fields, rows, rowCount, command } = await client.query<string[]>({
    text: sql,
    values,
    rowMode: "array",
    types,
  });
  const userTypes = new Map<number, UserType>();
  for (const { dataTypeID } of fields) await lookUp(client, dataTypeID, userTypes);
  return {
    fields: fields.map((field) => ({
      name: field.name,
      typeOid: field.dataTypeID,
      typeSize: field.dataTypeSize,
      typeModifier: field.dataTypeModifier,
      tableOid: field.tableID,
      columnNumber: field.columnID,
    })),
    rows: rows.map(dataRow),
    rowCount: rowCount ?? 0,
    commandTag: command,
    userTypes,
  };
}

async function lookUp(client: pg.Client, oid: number, userTypes: Map<number, UserType>): Promise<void> {
  if (oid < FIRST_LOOKED_UP_TYPE_OID || userTypes.has(oid)) return;
  const [row] = (await client.query<TypeRow>(TYPE_SQL, [oid])).rows;
  if (row?.is_array === true) {
    userTypes.set(oid, { kind: "array", elementOid: row.element_oid, delimiter: row.delimiter });
    await lookUp(client, row.element_oid, userTypes);
  } else if (row?.is_domain === true) {
    userTypes.set(oid, { kind: "domain", baseOid: row.base_oid });
    await lookUp(client, row.base_oid, userTypes);
  } else userTypes.set(oid, { kind: "scalar" });
}
