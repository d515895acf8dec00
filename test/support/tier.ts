// The two tiers of the suite. `npm test` runs the default tier, which fits into a few minutes. `npm run test:full` sets
// TEST_TIER=full: it also runs the files named `*.full.test.ts` and the long form of the tests that ask `isFullTier`.

export const isFullTier = process.env["TEST_TIER"] === "full";
