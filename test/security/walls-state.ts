// Reads, as the superuser, what an attack with the judge off must leave unchanged: everything that is not tenant A's, part by part. It also
// reads tenant A's own schema, which is made again when an attack has changed it. PostgreSQL gives a row a new xmin at each change, so
// the sums of xmin show any change and cost little.

import pg from "pg";
import type { ConnectionSettings } from "../../src/postgres/connection-settings.ts";

export type Parts = Readonly<Record<string, string>>;

export interface StateOf {
  outside(): Promise<Parts>;
  /** Reads the state outside tenant A. If no transaction has written since `known`, only sequences are read again. */
  outsideSince(known: Parts): Promise<Parts>;
  /** Returns `known` with the current transaction number, by which `outsideSince` notices writes. */
  mark(known: Parts): Promise<Parts>;
  /** Tells whether tenant A's schema is as it was at the last call of `remember`. */
  isWhole(): Promise<boolean>;
  /** Drops the objects in tenant A's schema that were not there at the last call of `remember`. */
  dropAdditions(): Promise<void>;
  /** Drops what a role owns outside tenant A's schema. */
  dropStrays(role: string): Promise<void>;
  /** Remembers tenant A's schema. It must be called at the beginning, and after tenant A's schema was made again. */
  remember(): Promise<void>;
  close(): Promise<void>;
}

export interface Whose {
  /** Tenant A's schema. */
  readonly schema: string;
  /** A pattern that matches the names of tenant A's roles. */
  readonly roles: string;
  /** Schemas whose rows and sequences belong to others. */
  readonly others: readonly string[];
}

const SUM = "concat(count(*), '/', sum(xmin::text::bigint))";
const IN_A = "(select oid from pg_namespace where nspname = $1)";
const RELATIONS_OF_A = `(select oid from pg_class where relnamespace in ${IN_A})`;
const TEMPORARY = "(select oid from pg_namespace where nspname ~ '^pg_(toast|temp|toast_temp)')";
const HERE = "(select oid from pg_database where datname = current_database())";
/** The roles with this database's number in their names, without tenant A's: what a role does to itself affects nobody else. */
const OURS = `(select oid from pg_authid where rolname ~ ('_t?' || ${HERE} || '(_|$)') and rolname !~ $2)`;

const OUTSIDE: Parts = {
  schemas: `select ${SUM} from pg_namespace where oid not in ${IN_A} and oid not in ${TEMPORARY}`,
  relations: `select ${SUM} from pg_class where relnamespace not in ${IN_A} and relnamespace not in ${TEMPORARY}`,
  functions: `select ${SUM} from pg_proc where pronamespace not in ${IN_A}`,
  types: `select ${SUM} from pg_type where typnamespace not in ${IN_A} and typnamespace not in ${TEMPORARY}`,
  operators: `select ${SUM} from pg_operator where oprnamespace not in ${IN_A}`,
  triggers: `select ${SUM} from pg_trigger where tgrelid not in ${RELATIONS_OF_A}`,
  rules: `select ${SUM} from pg_rewrite where ev_class not in ${RELATIONS_OF_A}`,
  policies: `select ${SUM} from pg_policy where polrelid not in ${RELATIONS_OF_A}`,
  constraints: `select ${SUM} from pg_constraint where connamespace not in ${IN_A}`,
  "default rights": `select ${SUM} from pg_default_acl where defaclrole not in (select oid from pg_authid where rolname ~ $2)`,
  languages: `select ${SUM} from pg_language`,
  casts: `select ${SUM} from pg_cast where oid < 16384`,
  database: `select concat(xmin, datacl) from pg_database where oid = ${HERE}`,
  roles: `select ${SUM} from pg_authid where oid in ${OURS}`,
  members: `select string_agg(concat(roleid, '<', member), ',' order by roleid, member) from pg_auth_members
    where member in ${OURS} or roleid in ${OURS}`,
  settings: `select string_agg(concat(setdatabase, setrole, setconfig), ',' order by setdatabase, setrole)
    from pg_db_role_setting where setdatabase = ${HERE} or setrole in ${OURS}`,
  "large objects": `select ${SUM} from pg_largeobject_metadata`,
  extensions: `select ${SUM} from pg_extension`,
  "event triggers": `select ${SUM} from pg_event_trigger`,
  publications: `select ${SUM} from pg_publication`,
  servers: `select ${SUM} from pg_foreign_server`,
  "A's schema": `select concat(nspowner, nspacl) from pg_namespace where nspname = $1`,
};

const INSIDE: Parts = {
  relations: `select ${SUM} from pg_class where oid in ${RELATIONS_OF_A}`,
  columns: `select ${SUM} from pg_attribute where attrelid in ${RELATIONS_OF_A}`,
  constraints: `select ${SUM} from pg_constraint where connamespace in ${IN_A}`,
  defaults: `select ${SUM} from pg_attrdef where adrelid in ${RELATIONS_OF_A}`,
  rules: `select ${SUM} from pg_rewrite where ev_class in ${RELATIONS_OF_A}`,
  triggers: `select ${SUM} from pg_trigger where tgrelid in ${RELATIONS_OF_A}`,
  policies: `select ${SUM} from pg_policy where polrelid in ${RELATIONS_OF_A}`,
  objects: `select concat(count(*), '/', sum(objid::bigint)) from pg_depend
    where refclassid = 'pg_namespace'::regclass and refobjid in ${IN_A} and deptype = 'n'`,
  types: `select ${SUM} from pg_type where typnamespace in ${IN_A}`,
  functions: `select ${SUM} from pg_proc where pronamespace in ${IN_A}`,
  comments: `select ${SUM} from pg_description where objoid in ${RELATIONS_OF_A}`,
  "default rights": `select concat(count(*), max(defaclacl::text)) from pg_default_acl where defaclnamespace in ${IN_A}`,
};

export async function openStateOf(database: ConnectionSettings, { schema, roles, others }: Whose): Promise<StateOf> {
  const client = new pg.Client({ ...database, password: "" });
  await client.connect();
  let rowsOfA = "";
  let objects: readonly string[] = [];
  let wholeA: Parts = {};

  async function relationsIn(schemas: readonly string[], kinds: string): Promise<string[]> {
    const { rows } = await client.query<{ name: string }>(
      `select oid::regclass::text as name from pg_class
       where relnamespace::regnamespace::text = any ($1) and relkind = any ($2::"char"[]) order by 1`,
      [schemas, kinds],
    );
    return rows.map(({ name }) => name);
  }

  async function objectsInA(): Promise<readonly { id: string; sql: string }[]> {
    const { rows } = await client.query<{ id: string; sql: string }>(
      `select concat(classid, '/', objid) as id, format('drop %s if exists %s cascade', o.type, o.identity) as sql
       from pg_depend, pg_identify_object(classid, objid, 0) as o
       where refclassid = 'pg_namespace'::regclass and refobjid in ${IN_A} and deptype = 'n' order by objid`,
      [schema],
    );
    return rows;
  }

  /** Reads parts of the state with one statement, which is prepared once under the given name. */
  const read = async (name: string, parts: Parts, values: readonly string[]): Promise<Parts> => {
    const sql = Object.entries(parts).map(([part, query]) => `(${query})::text as "${part}"`);
    return (await client.query<Parts>({ name, text: `select ${sql.join(", ")}`, values: [...values] })).rows[0] ?? {};
  };
  const rowsNow = async (tables: string): Promise<string> => {
    const sums = await client.query<{ part: string }>(tables).catch(() => undefined);
    return sums?.rows[0]?.part ?? "a table is gone";
  };

  const rowsOfOthers = toSum(await relationsIn(others, "{r,m}"));
  const quickParts = {
    next: "pg_snapshot_xmax(pg_current_snapshot())",
    sequences: toLast(await relationsIn(others, "{S}")),
  };
  const quick = (): Promise<Parts> => read("quick", quickParts, []);
  const outside = async (): Promise<Parts> => ({
    ...(await quick()),
    ...(await read("outside", OUTSIDE, [schema, roles])),
    rows: await rowsNow(rowsOfOthers),
  });
  const inside = (): Promise<Parts> => read("inside", INSIDE, [schema]);

  return {
    outside,
    async outsideSince(known) {
      const now = await quick();
      return known["next"] === now["next"] ? { ...known, ...now } : outside();
    },
    mark: async (known) => ({ ...known, next: (await quick())["next"] ?? "" }),
    isWhole: async () =>
      differences(wholeA, await inside()).length === 0 && wholeA["rows"] === (await rowsNow(rowsOfA)),
    async dropAdditions() {
      const added = (await objectsInA()).filter(({ id }) => !objects.includes(id));
      // An object that cannot be dropped alone is dropped with the schema when that is made again.
      for (const { sql } of added) await client.query(sql).catch(() => undefined);
    },
    async dropStrays(role) {
      const { rows } = await client.query<{ sql: string }>(
        `select format('drop %s if exists %s cascade', o.type, o.identity) as sql
         from pg_shdepend as d, pg_identify_object(d.classid, d.objid, 0) as o
         where d.refobjid = $1::regrole and d.deptype = 'o' and d.dbid = ${HERE} and o.schema <> $2`,
        [role, schema],
      );
      for (const { sql } of rows) await client.query(sql).catch(() => undefined); // Some objects are dropped with others.
    },
    async remember() {
      objects = (await objectsInA()).map(({ id }) => id);
      rowsOfA = toSum(await relationsIn([schema], "{r,m}"));
      wholeA = { ...(await inside()), rows: await rowsNow(rowsOfA) };
    },
    close: () => client.end(),
  };
}

export function differences(one: Parts, other: Parts): string[] {
  return Object.keys(other).filter((part) => part !== "next" && one[part] !== other[part]);
}

function toSum(tables: readonly string[]): string {
  const sums = tables.map((table, number) => `select ${number} as number, ${rowsOf(table)} as part from ${table} as t`);
  return `select string_agg(concat(number, ':', part), ',' order by number) as part from (${sums.join(" union all ")}) as t`;
}

/** Returns the SQL of a table's sum. The gateway itself updates `last_used_at` of tokens, so that column is left out. */
function rowsOf(table: string): string {
  return table.endsWith("postgate_tokens")
    ? "md5(string_agg((to_jsonb(t) - 'last_used_at')::text, ',' order by id))"
    : SUM;
}

function toLast(names: readonly string[]): string {
  const values = names.map((name) => `(select concat(last_value, is_called) from ${name})`);
  return `concat(${values.join(", ',', ")})`;
}
