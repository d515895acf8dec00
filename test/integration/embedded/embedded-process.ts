// Runs as a separate process for tests that kill it or run it as another user. fork-embedded.ts starts it.

import pg from "pg";
import { openEmbedded, startEmbedded } from "../../../src/embedded/start-embedded.ts";

const [role, dataDir = "", packageFolder = ""] = process.argv.slice(2);

// This process, like the gateway, decides itself when to end.
process.on("SIGINT", () => process.send?.({ kind: "interrupted" }));

try {
  const embedded = await (role === "server" ? startEmbedded : openEmbedded)({ dataDir, packageFolder });
  process.send?.({ kind: "ready", owned: embedded.owned, host: embedded.connection.host });
  void embedded.exited.then((exit) => process.send?.({ kind: "exited", ...exit }));
  process.on("message", (message: { readonly query: string } | "stop") => {
    void (message === "stop" ? stop() : query(message.query));
  });

  const stop = async (): Promise<void> => {
    await embedded.stop();
    process.disconnect();
  };

  const query = async (text: string): Promise<void> => {
    const client = new pg.Client(embedded.connection);
    await client.connect();
    const { rows } = await client.query<unknown[]>({ text, rowMode: "array" });
    await client.end();
    process.send?.({ kind: "answer", rows });
  };
} catch (error) {
  process.send?.({ kind: "failed", message: error instanceof Error ? error.message : String(error) });
  process.disconnect();
}
