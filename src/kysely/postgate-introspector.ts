// Lists the tables and columns of the token's own schema through the functions in postgate_helpers, because tenants cannot read the
// system catalogs.

import {
  type ColumnMetadata,
  type DatabaseIntrospector,
  type DatabaseMetadataOptions,
  type Kysely,
  type SchemaMetadata,
  sql,
  type TableMetadata,
} from "kysely";

interface Described {
  readonly name: string;
  readonly columns: readonly {
    readonly column_name: string;
    readonly data_type: string;
    readonly is_nullable: boolean;
    readonly column_default: string | null;
  }[];
}

/** Kysely 0.28 and 0.29 export these names from different places. */
const INTERNAL_TABLES = ["kysely_migration", "kysely_migration_lock"];

export class PostgateIntrospector implements DatabaseIntrospector {
  readonly #db: Kysely<unknown>;

  constructor(db: Kysely<unknown>) {
    this.#db = db;
  }

  async getSchemas(): Promise<SchemaMetadata[]> {
    const { rows } = await sql<SchemaMetadata>`select current_schema() as name`.execute(this.#db);
    return rows;
  }

  async getTables(options: DatabaseMetadataOptions = { withInternalKyselyTables: false }): Promise<TableMetadata[]> {
    // The answer is one row for any number of columns, so that it never exceeds the limit of rows.
    const { rows } = await sql<{ tables: readonly Described[] | null }>`
      select json_agg(json_build_object(
        'name', t.table_name,
        'columns', coalesce((select json_agg(c) from postgate_helpers.describe_table(t.table_name) as c), '[]')
      )) as tables
      from postgate_helpers.list_tables() as t`.execute(this.#db);
    const tables = rows[0]?.tables ?? [];
    return (
      tables
        .filter(({ name }) => options.withInternalKyselyTables || !INTERNAL_TABLES.includes(name))
        // isForeign is new in Kysely 0.29.
        .map(({ name, columns }) => ({ name, isView: false, isForeign: false, columns: columns.map(toColumn) }))
    );
  }

  /** Only Kysely 0.28 calls this. */
  async getMetadata(options?: DatabaseMetadataOptions): Promise<{ readonly tables: TableMetadata[] }> {
    return { tables: await this.getTables(options) };
  }
}

function toColumn({
  column_name,
  data_type,
  is_nullable,
  column_default,
}: Described["columns"][number]): ColumnMetadata {
  return {
    name: column_name,
    dataType: data_type,
    isNullable: is_nullable,
    hasDefaultValue: column_default !== null,
    isAutoIncrementing: column_default?.startsWith("nextval(") ?? false,
  };
}
