// Describes a refused kind of object or action in a message. The words come from the name of PostgreSQL's constant.

/**
 * Returns the message for a refused value, and undefined for other fields. `OBJECT_FOREIGN_TABLE` becomes `FOREIGN TABLE`, and
 * `AT_SetTableSpace` becomes `SET TABLE SPACE`.
 */
export function describeRefusedValue(path: string, value: unknown): string | undefined {
  if (typeof value !== "string") return undefined;
  switch (path) {
    case "DropStmt.removeType":
      return `Unsupported statement type: DROP ${objectName(value)}`;
    case "RenameStmt.renameType":
      return `Unsupported statement type: ALTER ${objectName(value)} … RENAME`;
    case "AlterTableStmt.objtype":
      return `Unsupported statement type: ALTER ${objectName(value)}`;
    case "AlterTableCmd.subtype":
      return `Unsupported ALTER TABLE action: ${actionName(value)}`;
    default:
      return undefined;
  }
}

function objectName(value: string): string {
  return value.replace(/^OBJECT_/, "").replaceAll("_", " ");
}

function actionName(value: string): string {
  return value
    .replace(/^AT_/, "")
    .replaceAll(/(?<=[a-z])(?=[A-Z])/g, " ")
    .toUpperCase();
}
