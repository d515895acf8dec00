// Tests PostgreSQL's own walls on the versions that only tests install, as the strongest token. The versions differ in rights and not in
// access modes, so one mode is enough.

import { describeWalls } from "./walls-suite.ts";

for (const version of [14, 16, 17] as const) describeWalls({ version, install: "superuser", modes: ["owner"] });
