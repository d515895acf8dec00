// PostgreSQL's own walls on the versions that only tests install, as the strongest token: what differs between versions is
// rights, not modes.

import { describeWalls } from "./walls-suite.ts";

for (const version of [14, 16, 17] as const) describeWalls({ version, install: "superuser", modes: ["owner"] });
