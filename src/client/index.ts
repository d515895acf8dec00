// The public entry of `postgate/client`.
export {
  PostgateAdminClient,
  type CreatedDatabase,
  type CreatedToken,
  type TokenOptions,
} from "./postgate-admin-client.ts";
export {
  PostgateClient,
  type PostgateClientOptions,
  type PostgateDescribedResponse,
  type PostgateQueryOptions,
  type PostgateSendOptions,
} from "./postgate-client.ts";
export { PostgateError, type PostgateErrorCode } from "./postgate-error.ts";
export { sql, type SqlStatement } from "./sql.ts";
export type { PostgateParams, PostgateStatement } from "./to-statement.ts";
export type { Permission } from "../base/permissions.ts";
export type {
  PostgateBatchRequest,
  PostgateField,
  PostgateQueryRequest,
  PostgateQueryResponse,
} from "../base/api-types.ts";
