import { readBearerToken } from "./bearer-token.ts";
import { toErrorResponse } from "./error-response.ts";
import { requireJson } from "./body/media-type.ts";
import { parseQueryBody } from "./parse-query-body.ts";
import type { QueryProtocol } from "./route.ts";

/** The protocol of POST /query. */
export const QUERY_PROTOCOL: QueryProtocol = {
  path: "/query",
  readToken: readBearerToken,
  requireMediaType: requireJson,
  parseBody: (bytes, { inSlices }) => parseQueryBody(bytes, inSlices),
  toErrorResponse,
};
