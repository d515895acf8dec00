/** Runs one query in the metadata database. */
export type MetadataQuery = (
  query: { readonly name: string; readonly text: string },
  values: readonly unknown[],
) => Promise<readonly Row[]>;

export type Row = Readonly<Record<string, unknown>>;
