// Describes a parameter of a statement, as the parser of bodies passes it to execution: the JSON kind and the exact JSON text.

/** Maximum number of parameters of a statement: PostgreSQL's protocol counts them in 16 bits. */
export const MAX_PARAMETERS = 65_535;

/**
 * A value to send to PostgreSQL. `text` holds the characters of a string, and for other kinds the JSON text with every digit of the
 * body. A long text stays the UTF-8 bytes in which it arrived. The text that PostgreSQL gets for an array depends on the type that
 * PostgreSQL resolves for the parameter, so execution writes it.
 */
export type Parameter =
  | { readonly kind: "null" }
  | { readonly kind: "string" | "boolean" | "integer" | "number" | "object" | "array"; readonly text: string | Buffer };
