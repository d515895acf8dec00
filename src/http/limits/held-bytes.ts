/** How many bytes are in memory for whom, over all requests. */
export class HeldBytes {
  readonly #byTenant = new Map<string, number>();
  #total = 0;

  get total(): number {
    return this.#total;
  }

  of(tenant: string): number {
    return this.#byTenant.get(tenant) ?? 0;
  }

  /** @param bytes less than none gives back. */
  add(tenant: string, bytes: number): void {
    this.#total += bytes;
    const held = this.of(tenant) + bytes;
    if (held > 0) this.#byTenant.set(tenant, held);
    else this.#byTenant.delete(tenant);
  }
}
