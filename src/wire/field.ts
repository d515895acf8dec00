/** A column of a result, as PostgreSQL describes it. */
export interface Field {
  readonly name: string;
  readonly typeOid: number;
  /** Size in bytes, or a negative number for a type without a fixed size. */
  readonly typeSize: number;
  readonly typeModifier: number;
  /** The table and the column number that the value comes from. Both are 0 for a computed value. */
  readonly tableOid: number;
  readonly columnNumber: number;
}
