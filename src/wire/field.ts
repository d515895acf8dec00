/** A column of a result, as PostgreSQL describes it. */
export interface Field {
  readonly name: string;
  readonly typeOid: number;
  /** In bytes; negative for a type of no fixed size. */
  readonly typeSize: number;
  readonly typeModifier: number;
  /** The table and the number of its column that the value comes from; 0 where it comes from none. */
  readonly tableOid: number;
  readonly columnNumber: number;
}
