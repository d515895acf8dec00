declare const brand: unique symbol;

/** A `T` that only its own parser can make, so that similar values, such as a token and its hash, cannot be mixed up. */
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };
