// Look-ups that come while others are under way go out together: a thousand busy tokens ask for their rights two thousand times a
// second, and one statement each would keep both of the connections busy that look-ups have.

/** Two connections are there for look-ups. */
const MAX_BATCHES = 2;
/** Bounds one statement's time, and so what it adds to the wait of others. */
const MAX_BATCH_SIZE = 200;

interface Waiter<Key, Value> {
  readonly key: Key;
  readonly resolve: (found: Value | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * One look-up out of one that takes many keys; undefined where nothing is found. The first goes out at once.
 *
 * @param isOfOne whether one key alone may be the reason of a failure: each is then asked for again by itself.
 */
export function batchLookups<Key, Value>(
  findAll: (keys: readonly Key[]) => Promise<ReadonlyMap<Key, Value>>,
  isOfOne: (error: unknown) => boolean,
): (key: Key) => Promise<Value | undefined> {
  let waiting: Waiter<Key, Value>[] = [];
  let runningCount = 0;

  async function run(batch: readonly Waiter<Key, Value>[]): Promise<void> {
    try {
      const found = await findAll(batch.map(({ key }) => key));
      for (const { key, resolve } of batch) resolve(found.get(key));
    } catch (error) {
      if (batch.length > 1 && isOfOne(error)) for (const waiter of batch) await run([waiter]);
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
