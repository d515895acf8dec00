// A bench's result as the table of docs/explanation/performance.md.

const NAMES = { empty: "empty handler", plain: "by hand", gateway: "**Postgate**", direct: "PostgreSQL alone" };

export function toTable({ date, machine, versions, settings, scenarios }) {
  const lines = Object.entries(scenarios).flatMap(([scenario, { results, cpu_ratio: ratio }]) => [
    ...Object.entries(results).map(([name, result]) => row(scenario, name, result)),
    `| | *× empty handler: ${ratio.gateway_to_empty}; by hand × Postgate: ${ratio.plain_to_gateway}* | | | | |`,
  ]);
  return [
    `${date.slice(0, 10)}, ${machine.cores} × ${machine.cpu}, load ${machine.load_before.toFixed(1)} before the run, Node ` +
      `${versions.node}, PostgreSQL ${versions.postgresql}, medians of ${settings.rounds} rounds of ${settings.seconds} s, ` +
      `${settings.tenants} tenants.`,
    "",
    "| Scenario | Server | CPU per request (µs) | requests/s | p50 (ms) | p99 (ms) |",
    "| --- | --- | --- | --- | --- | --- |",
    ...lines,
  ].join("\n");
}

function row(scenario, name, result) {
  const cpu = result.cpu_us_per_request;
  const spread = result.cpu_us_per_request_spread;
  const cost = cpu === undefined ? "" : `${cpu} (${spread.join("–")})`;
  return `| ${scenario} | ${NAMES[name]} | ${cost} | ${result.requests_per_second} | ${result.p50_ms} | ${result.p99_ms} |`;
}
