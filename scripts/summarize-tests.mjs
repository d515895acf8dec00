// Reads vitest's JSON report and prints the twenty slowest test files, every skipped test by name, and a last line
// `N passed, N failed, N skipped`. Exits with 1 when a test failed, and with CI=1 also when a test was skipped.
import { readFileSync } from "node:fs";
import { relative } from "node:path";

const SLOWEST_FILES = 20;

const [reportFile] = process.argv.slice(2);
const { numPassedTests, numFailedTests, numFailedTestSuites, success, testResults } = JSON.parse(
  readFileSync(reportFile, "utf8"),
);
// A file that fails to load has no failed test, but it must count as a failure.
const failed = numFailedTests + (success || numFailedTests > 0 ? 0 : Math.max(1, numFailedTestSuites));

const files = testResults
  .map(({ name, startTime, endTime }) => ({
    file: relative(process.cwd(), name),
    seconds: (endTime - startTime) / 1_000,
  }))
  .sort((a, b) => b.seconds - a.seconds);
console.log("Slowest test files:");
for (const { file, seconds } of files.slice(0, SLOWEST_FILES))
  console.log(`${seconds.toFixed(1).padStart(7)} s  ${file}`);

const skipped = testResults.flatMap(({ name, assertionResults }) =>
  assertionResults
    .filter(({ status }) => status !== "passed" && status !== "failed")
    .map(({ fullName }) => `${relative(process.cwd(), name)}: ${fullName.trim()}`),
);
if (skipped.length > 0) console.log(["Skipped tests:", ...skipped].join("\n  "));

console.log(`${numPassedTests} passed, ${failed} failed, ${skipped.length} skipped`);
const isRefusingSkipped = process.env.CI === "1" && skipped.length > 0;
process.exit(failed > 0 || isRefusingSkipped ? 1 : 0);
