// A parameter of a statement, as the body's parser hands it to execution: the JSON kind and the exact JSON text.

/** PostgreSQL's protocol counts them in 16 bits. */
export const MAX_PARAMETERS = 65_535;

/**
 * `text` is what is sent to PostgreSQL: of a string its characters, of the rest the JSON text with every digit that the
 * body had. A long one stays the UTF-8 bytes that it came as. An array's wire text depends on the type that PostgreSQL resolves
 * for the parameter: execution makes it.
 */
export type Parameter =
  | { readonly kind: "null" }
  | { readonly kind: "string" | "boolean" | "integer" | "number" | "object" | "array"; readonly text: string | Buffer };
