// Sends look-ups that arrive while others are running as one statement. A thousand busy tokens can cause two thousand look-ups a
// second, and one statement for each would keep both look-up connections busy.

/** Maximum number of statements at one time: look-ups have two connections. */
const MAX_BATCHES = 2;
/** Maximum number of keys in one statement. It bounds the statement's time, which later look-ups wait for. */
const MAX_BATCH_SIZE = 200;

interface Waiter<Key, Value> {
  readonly key: Key;
  readonly resolve: (found: Value | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Makes a look-up of one key from a look-up of many keys. It resolves to undefined if nothing is found. The first look-up is sent
 * at once, without waiting for others.
 *
 * @param isCausedByOneKey tells whether one key alone may have caused the error. Each key is then looked up again by itself.
 */
export function batchLookups<Key, Value>(
  findAll: (keys: readonly Key[]) => Promise<ReadonlyMap<Key, Value>>,
  isCausedByOneKey: (error: unknown) => boolean,
): (key: Key) => Promise<Value | undefined> {
  let waiting: Waiter<Key, Value>[] = [];
  let runningCount = 0;

  async function run(batch: readonly Waiter<Key, Value>[]): Promise<void> {
    try {
      const found = await findAll(batch.map(({ key }) => key));
      for (const { key, resolve } of batch) resolve(found.get(key));
    } catch (error) {
      if (batch.length > 1 && isCausedByOneKey(error)) for (const waiter of batch) await run([waiter]);
      else for (const { reject } of batch) reject(error);
    }
  }

  function next(): void {
    if (runningCount >= MAX_BATCHES || waiting.length === 0) return;
    const batch = waiting.slice(0, MAX_BATCH_SIZE);
    waiting = waiting.slice(MAX_BATCH_SIZE);
    runningCount += 1;
    void run(batch).finally(() => {
      runningCount -= 1;
      next();
    });
  }

  return (key) =>
    new Promise((resolve, reject) => {
      waiting.push({ key, resolve, reject });
      next();
    });
}
