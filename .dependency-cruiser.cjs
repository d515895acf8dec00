/** The direction of dependencies: cli → gateway → query → stages → leaves. docs/explanation/architecture.md tells why. */
const stage = (name, allowed) => ({
  name: `${name}-imports`,
  comment: `src/${name} may import only what is listed here`,
  severity: "error",
  from: { path: `^src/${name}/` },
  to: { path: "^src/", pathNot: [`^src/${name}/`, ...allowed.map((path) => `^src/${path}`)] },
});
const leaves = [
  "brand\\.ts",
  "cancel-signal\\.ts",
  "clock\\.ts",
  "errors\\.ts",
  "permissions\\.ts",
  "parameters\\.ts",
  "protocol\\.ts",
  "query-request\\.ts",
];

module.exports = {
  forbidden: [
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
    { name: "no-orphans", severity: "error", from: { orphan: true, path: "^src/", pathNot: "\\.d\\.ts$" }, to: {} },
    {
      name: "leaves-import-nothing",
      severity: "error",
      from: { path: `^src/(${leaves.join("|")})$` },
      to: { path: "^src/", pathNot: [`^src/(${leaves.join("|")})$`] },
    },
    stage("sql", leaves),
    stage("policy", [...leaves, "sql/"]),
    stage("encoding", [...leaves, "execution/(data-row|result-set)\\.ts"]),
    stage("postgres", leaves),
    stage("tenants", [...leaves, "postgres/", "auth/principal\\.ts"]),
    stage("auth", [...leaves, "observability/(observation|report-seldom)\\.ts", "tenants/"]),
    stage("execution", [...leaves, "postgres/", "tenants/", "auth/principal\\.ts", "policy/approved-statement\\.ts"]),
    stage("migration", [...leaves, "postgres/", "tenants/", "policy/function-names\\.ts"]),
    stage("doctor", [...leaves, "postgres/", "tenants/", "migration/migrate\\.ts"]),
    stage("embedded", [...leaves, "postgres/"]),
    stage("http", [...leaves, "auth/(principal|token)\\.ts", "observability/"]),
    stage("observability", leaves),
    stage("client", ["protocol\\.ts", "permissions\\.ts"]),
    stage("drizzle", ["client/index\\.ts"]),
    stage("kysely", ["client/index\\.ts"]),
    {
      name: "client-is-fetch-only",
      severity: "error",
      from: { path: "^src/client/" },
      to: { dependencyTypes: ["npm", "npm-dev", "npm-optional", "npm-peer", "core"] },
    },
    {
      name: "pure-stages",
      comment: "sql, policy and encoding do no I/O and know no driver",
      severity: "error",
      from: { path: "^src/(policy|encoding)/" },
      to: { path: "^(pg|fastify|node:(fs|net|http|child_process))" },
    },
    {
      name: "one-importer-of-the-parser",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/sql/" },
      to: { path: "node_modules/libpg-query" },
    },
    {
      name: "http-knows-no-postgresql",
      severity: "error",
      from: { path: "^src/http/" },
      to: { path: "node_modules/pg/" },
    },
    {
      name: "nothing-imports-the-cli",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/cli/" },
      to: { path: "^src/cli/" },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "require", "node", "default"] },
  },
};
