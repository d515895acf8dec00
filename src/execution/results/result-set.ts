import type { DataRow } from "../../wire/data-row.ts";
import type { Field } from "../../wire/field.ts";

/**
 * Types below this OID mean the same in every database and version. Those from here on are the catalog's own (the row
 * types of system tables, information_schema's domains) or users', and their numbers differ from database to database.
 */
export const FIRST_LOOKED_UP_TYPE_OID = 10_000;

/** What the catalog says of a type that is not built in, as far as encoding needs it. */
export type UserType =
  | { readonly kind: "array"; readonly elementOid: number; readonly delimiter: string }
  | ({ readonly kind: "domain"; readonly baseOid: number } & Named)
  | ({
      readonly kind: "scalar";
      /** True for a domain or an array that is made of more levels than the gateway follows: its values are text. */
      readonly isTooDeep?: boolean;
    } & Named);

interface Named {
  /** Left out for a type that the catalog did not show. */
  readonly name?: string;
}

/** The complete answer of one statement, confirmed by its commit. Values are PostgreSQL's text. */
export interface ResultSet {
  readonly fields: readonly Field[];
  readonly rows: readonly DataRow[];
  /** Rows returned, or for a statement without rows the count in the command tag (0 where it has none). */
  readonly rowCount: number;
  /** PostgreSQL's own summary, such as `INSERT 0 5`. */
  readonly commandTag: string;
  /** Every type among `fields`, elements and base types included, whose OID is FIRST_LOOKED_UP_TYPE_OID or above. */
  readonly userTypes: ReadonlyMap<number, UserType>;
}
