/** Counts the bytes that requests hold in memory, for each tenant and in total. */
export class HeldBytes {
  readonly #byTenant = new Map<string, number>();
  #total = 0;

  get total(): number {
    return this.#total;
  }

  of(tenant: string): number {
    return this.#byTenant.get(tenant) ?? 0;
  }

  /** @param bytes a negative number releases bytes */
  add(tenant: string, bytes: number): void {
    this.#total += bytes;
    const held = this.of(tenant) + bytes;
    if (held > 0) this.#byTenant.set(tenant, held);
    else this.#byTenant.delete(tenant);
  }
}
