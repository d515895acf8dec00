// Lists texts that are expensive to parse, by their shape.

export const HOSTILE = {
  "sum of 60,000": `select 1${"+1".repeat(60_000)}`,
  "sum of 12,000": `select 1${"+1".repeat(12_000)}`,
  "sum of 24,000": `select 1${"+1".repeat(24_000)}`,
  "casts, 16,000": `select 1${"::int".repeat(16_000)}`,
  "UNION, 14,000": `select 1${" union select 1".repeat(14_000)}`,
  "JOIN, 14,000": `select from a${" natural join a".repeat(14_000)}`,
  "list of 24,000": `select 1 in (1${",1".repeat(24_000)})`,
  "signs, 1,000": `select ${"-+".repeat(1_000)}1`,
  "empty comments, 60,000": `${"/**/".repeat(60_000)}select 1`,
  "sub-selects, 600": `select ${"exists(select ".repeat(600)}1${")".repeat(600)}`,
  "string of 250,000": `select '${"x".repeat(250_000)}'`,
};
