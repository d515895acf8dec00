// A proxy before PostgreSQL that counts round trips: how often the direction turns from client to server.

import type { ConnectionSettings } from "../../../src/postgres/connection-settings.ts";
import { startProxy } from "./proxy.ts";

export interface CountingProxy {
  readonly connection: ConnectionSettings;
  /** Turns from answers to requests since the last call. */
  takeRoundTrips(): number;
  /** Pieces that the client has written since the last call. */
  takeWrites(): number;
  close(): Promise<void>;
}

export async function startCountingProxy(target: ConnectionSettings): Promise<CountingProxy> {
  let roundTrips = 0;
  let writes = 0;
  let isAsking = false;
  const proxy = await startProxy(target, {
    passesRequest: () => {
      writes += 1;
      if (!isAsking) roundTrips += 1;
      isAsking = true;
      return true;
    },
    passesAnswer: () => {
      isAsking = false;
      return true;
    },
  });
  return {
    connection: proxy.connection,
    takeRoundTrips: () => {
      const taken = roundTrips;
      roundTrips = 0;
      return taken;
    },
    takeWrites: () => {
      const taken = writes;
      writes = 0;
      return taken;
    },
    close: () => proxy.close(),
  };
}
