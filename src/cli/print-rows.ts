import type { Terminal } from "./terminal.ts";

type Row = Readonly<Record<string, unknown>>;

/** Prints rows as a table for people, or as one JSON array for programs. Without rows, no table is printed. */
export function printRows(terminal: Terminal, rows: readonly Row[], { json }: { readonly json: boolean }): void {
  if (json) terminal.print(JSON.stringify(rows));
  else for (const line of toTable(rows)) terminal.print(line);
}

function toTable(rows: readonly Row[]): readonly string[] {
  const columns = Object.keys(rows[0] ?? {});
  const table = [columns, ...rows.map((row) => columns.map((column) => toCell(row[column])))];
  const widths = columns.map((_, index) => Math.max(...table.map((cells) => cells[index]?.length ?? 0)));
  if (columns.length === 0) return [];
  return table.map((cells) =>
    cells
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}

function toCell(value: unknown): string {
  if (value === null || value === undefined) return "-";
  if (value instanceof Date) return value.toISOString();
  const text = typeof value === "string" ? value : Array.isArray(value) ? value.join(",") : JSON.stringify(value);
  return text.replaceAll(/\p{Cc}/gu, "?"); // A control character in a name could move the reader's cursor.
}
