import { describe, expect, it } from "vitest";
import { findRefusedOption } from "../../../src/dedicated/session-options.ts";

describe("findRefusedOption", () => {
  it.each([
    "-c search_path=app",
    "-csearch_path=app,public",
    '--search_path="$user",public',
    "-c role=app -c search_path=app",
    "-c statement_timeout=5s -c geqo=off",
    "--statement-timeout=5s",
    "-c search_path=app,pg_catalog",
    "-c search_path=my\\ app",
    "endpoint=ep-cool-darkness-123456",
    "project=my-project",
    "",
    "  ",
  ])("allows %j", (options) => {
    expect(findRefusedOption(options)).toBeUndefined();
  });

  it.each([
    { options: "-csearch_path=postgate_private", refused: "search_path" },
    { options: "-c search_path=app,postgate_private", refused: "search_path" },
    { options: '-c search_path="postgate_private"', refused: "search_path" },
    { options: "-c search_path=information_schema", refused: "search_path" },
    { options: "-c search_path=pg_toast", refused: "search_path" },
    { options: "-c SEARCH_PATH=postgate_private", refused: "SEARCH_PATH" },
    { options: "--search-path=postgate_private", refused: "search-path" },
    { options: "-c search_path=app\\ ,postgate_private", refused: "search_path" },
    { options: "-c search_\\path=postgate_private", refused: "search_path" },
    { options: "-c geqo=off -c session_preload_libraries=x", refused: "session_preload_libraries" },
    { options: "-c session_replication_role=replica", refused: "session_replication_role" },
    { options: "-c standard_conforming_strings=off", refused: "standard_conforming_strings" },
    { options: "-c log_statement=none", refused: "log_statement" },
    { options: "-c", refused: "" },
    { options: "-- search_path=app", refused: "--" },
    { options: "-O", refused: "-O" },
    { options: "-P -c geqo=off", refused: "-P" },
    { options: "-d 5", refused: "-d" },
    { options: "-e", refused: "-e" },
    { options: "geqo=off", refused: "geqo=off" },
    { options: "endpoint=a;b", refused: "endpoint=a;b" },
  ])("refuses $options", ({ options, refused }) => {
    expect(findRefusedOption(options)).toBe(refused);
  });
});
