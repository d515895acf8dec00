/** What doctor found out about one wall. */
export interface WallReport {
  readonly wall: string;
  /** `missing`: tenants are not isolated. `weaker`: the judge alone stands there, or a limit is not set. */
  readonly state: "standing" | "weaker" | "missing";
  /** What a tenant could do; nothing for a wall that stands. */
  readonly why: string | null;
  /** The statement that was not stopped, where one was tried. */
  readonly tried: string | null;
  /** What raises it: SQL, or a command. */
  readonly raise: string | null;
}

export function standing(wall: string): WallReport {
  return { wall, state: "standing", why: null, tried: null, raise: null };
}
