/** The result of doctor's examination of one wall. */
export interface WallReport {
  readonly wall: string;
  /** `missing`: tenants are not isolated. `weaker`: only the judge protects, or a limit is not set. */
  readonly state: "standing" | "weaker" | "missing";
  /** The harm that a tenant could do. Null if the wall holds. */
  readonly why: string | null;
  /** The statement that was not stopped. Null if none was tried. */
  readonly tried: string | null;
  /** The SQL or command that restores the wall. Null if the wall holds. */
  readonly raise: string | null;
}

export function standing(wall: string): WallReport {
  return { wall, state: "standing", why: null, tried: null, raise: null };
}
