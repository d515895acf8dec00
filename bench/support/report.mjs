// Writes a bench's result as the table of docs/explanation/performance.md.

const NAMES = { empty: "empty handler", plain: "by hand", gateway: "**Postgate**", direct: "PostgreSQL alone" };

export function toTable({ date, machine, versions, settings, scenarios }) {
  const lines = Object.entries(scenarios).flatMap(([scenario, { results, ratios }]) => [
    ...Object.entries(results).map(([name, result]) => row(scenario, name, result)),
    `| | *CPU: Postgate ÷ empty handler ${withSpread(ratios.cpu_gateway_to_empty)}, by hand ÷ Postgate ` +
      `${withSpread(ratios.cpu_plain_to_gateway)}; requests/s: Postgate ÷ PostgreSQL alone ${withSpread(ratios.rate_gateway_to_direct)}* | | | | |`,
  ]);
  return [
    `${date.slice(0, 10)}, ${machine.cores} × ${machine.cpu}, load ${machine.load_before.toFixed(1)} before the run, Node ` +
      `${versions.node}, PostgreSQL ${versions.postgresql}, medians (and spread) of ${settings.rounds} rounds of ${settings.seconds} s, ` +
      `${settings.tenants} tenants.`,
    "",
    "| Scenario | Server | CPU per request (µs) | requests/s | p50 (ms) | p99 (ms) |",
    "| --- | --- | --- | --- | --- | --- |",
    ...lines,
  ].join("\n");
}

function withSpread({ median, spread }) {
  return `${median} (${spread.join("–")})`;
}

function row(scenario, name, { cpu_us_per_request: cpu, requests_per_second: rate, p50_ms: p50, p99_ms: p99 }) {
  const cost = cpu === undefined ? "" : withSpread(cpu);
  return `| ${scenario} | ${NAMES[name]} | ${cost} | ${rate.median} | ${p50.median} | ${p99.median} |`;
}
