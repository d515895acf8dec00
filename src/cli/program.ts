// Defines the command line: its commands, arguments, flags and help. This file parses the words; the file with the name of a command
// does its work.

import { readFileSync } from "node:fs";
import { Command, Option } from "commander";
import type { Client } from "pg";
import { loadConfig, type Config } from "../config/load-config.ts";
import { DEFAULT_PERMISSIONS } from "../base/permissions.ts";
import { DEFAULT_MAX_ROWS } from "../tenants/tenant.ts";
import {
  parseDatabaseId,
  parseDedicatedUrl,
  parseLifetime,
  parseMaxRows,
  parseName,
  parsePermissionList,
  parseTokenId,
} from "./arguments.ts";
import { createDb } from "./create-db.ts";
import { deleteDb } from "./delete-db.ts";
import { deleteToken } from "./delete-token.ts";
import { genToken } from "./gen-token.ts";
import { listDbs } from "./list-dbs.ts";
import { listTokens } from "./list-tokens.ts";
import { migrateCommand } from "./migrate.ts";
import { sealCommand } from "./seal.ts";
import type { CommandContext } from "./terminal.ts";
import { withMigratedDatabase } from "./with-database.ts";

/** Creates the program. Parsing a command line with it runs the command. The program throws and does not end the process. */
export function createProgram(context: CommandContext): Command {
  const program = new Command("postgate")
    .description("A secure HTTP gateway to PostgreSQL for tenants who do not trust each other.")
    .usage("[command] [options]")
    .version(readVersion(), "-V, --version", "print the version")
    .helpOption("-h, --help", "print help")
    .helpCommand(false)
    .option("--skip-migrations", "leave tables and functions of the database as they are")
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ writeOut: (text) => context.terminal.print(text.trimEnd()), outputError: () => undefined })
    .exitOverride();
  addServer(program, context);
  addMakers(program, context);
  addLists(program, context);
  addDeletions(program, context);
  addSecrets(program, context);
  addWalls(program, context);
  return program;
}

function addServer(program: Command, context: CommandContext): void {
  program
    .command("serve")
    .description("start the gateway (also without a command); Ctrl-C stops it")
    .action(async () => {
      const { serve } = await import("./serve.ts"); // The other commands need no server and start sooner without this import.
      await serve(readConfig(program), context);
    });
  program
    .command("migrate")
    .description("bring the database up to this version and exit")
    .action(() => {
      const config = readConfig(program);
      noteWarnings(config, context);
      return migrateCommand(config, context);
    });
}

function addMakers(program: Command, context: CommandContext): void {
  program
    .command("create-db")
    .description("create a database for a tenant; prints its id")
    .argument("<NAME>", "what people call it, at most 100 characters")
    .option("-m, --max-rows <N>", "rows that one answer may have", String(DEFAULT_MAX_ROWS))
    .option("-d, --dedicated <URL>", "a PostgreSQL of its own, in place of a schema in the shared one")
    .action((name: string, options: { maxRows: string; dedicated?: string }) => {
      const { dedicated } = options;
      const database = {
        name: parseName(name),
        maxRows: parseMaxRows(options.maxRows),
        dedicatedUrl: dedicated === undefined ? undefined : parseDedicatedUrl(dedicated),
      };
      return onDatabase(program, context, (client, { sealingKeys }) =>
        createDb(client, context.terminal, { ...database, sealingKey: sealingKeys.current }),
      );
    });
  program
    .command("gen-token")
    .description("make a token; prints it, this once, and replaces one of the same name")
    .argument("<DATABASE_ID>", "the database that it opens")
    .argument("[NAME]", "the token's name, unique in its database", "default")
    .option("-p, --permissions <LIST>", "what it may do, separated by commas", DEFAULT_PERMISSIONS.join(","))
    .option("-e, --expires-in <TIME>", "when it stops working: a number with s, m, h or d, such as 30d")
    .action((databaseId: string, name: string, options: { permissions: string; expiresIn?: string }) => {
      const { expiresIn } = options;
      const token = {
        databaseId: parseDatabaseId(databaseId),
        name: parseName(name),
        permissions: parsePermissionList(options.permissions),
        expiresIn: expiresIn === undefined ? undefined : parseLifetime(expiresIn),
      };
      return onDatabase(program, context, (client) => genToken(client, context.terminal, token));
    });
}

function addLists(program: Command, context: CommandContext): void {
  program
    .command("list-dbs")
    .description("list the databases")
    .addOption(jsonOption())
    .action(({ json }: JsonChoice) =>
      onDatabase(program, context, (client, { sealingKeys: keys }) =>
        listDbs(client, context.terminal, { json: json === true, keys }),
      ),
    );
  program
    .command("list-tokens")
    .description("list the tokens of a database; of each, only the first 8 characters are known")
    .argument("<DATABASE_ID>", "the database")
    .addOption(jsonOption())
    .action((id: string, { json }: JsonChoice) => {
      const request = { databaseId: parseDatabaseId(id), json: json === true };
      return onDatabase(program, context, (client) => listTokens(client, context.terminal, request));
    });
}

function addDeletions(program: Command, context: CommandContext): void {
  program
    .command("delete-db")
    .description("delete a database with its tokens and, if it is a schema, all that is in it")
    .argument("<DATABASE_ID>", "the database")
    .addOption(jsonOption())
    .action((id: string, { json }: JsonChoice) => {
      const request = { databaseId: parseDatabaseId(id), json: json === true };
      return onDatabase(program, context, (client) => deleteDb(client, context.terminal, request));
    });
  program
    .command("delete-token")
    .description("delete a token; it stops working within a second")
    .argument("<TOKEN_ID>", "the token's id, as list-tokens shows it")
    .addOption(jsonOption())
    .action((id: string, { json }: JsonChoice) => {
      const request = { tokenId: parseTokenId(id), json: json === true };
      return onDatabase(program, context, (client) => deleteToken(client, context.terminal, request));
    });
}

function addSecrets(program: Command, context: CommandContext): void {
  program
    .command("seal")
    .description("seal the connection strings of dedicated databases with POSTGATE_SEALING_KEY")
    .option("--dry-run", "print whose would be sealed and change nothing")
    .action(({ dryRun }: { dryRun?: true }) =>
      onDatabase(program, context, (client, { sealingKeys: keys }) =>
        sealCommand(client, context.terminal, { keys, dryRun: dryRun === true }),
      ),
    );
  program
    .command("rotate-passwords")
    .description("give the logins that Postgate made new passwords; running gateways go on")
    .action(async () => {
      const { rotatePasswords } = await import("./rotate-passwords.ts");
      await rotatePasswords(readConfig(program), context);
    });
}

function addWalls(program: Command, context: CommandContext): void {
  program
    .command("adopt")
    .description("make the schema that a row names its tenant's, with all that is in it; prints the SQL")
    .argument("<DATABASE_ID>", "the database whose row names the schema")
    .option("--dry-run", "print the SQL and change nothing")
    .action(async (id: string, { dryRun }: { dryRun?: true }) => {
      const { adopt } = await import("./adopt.ts");
      await adopt(readConfig(program), context, { databaseId: parseDatabaseId(id), dryRun: dryRun === true });
    });
  program
    .command("lockdown")
    .description("take rights from PUBLIC that no tenant needs; everybody else on this server keeps them")
    .option("--dry-run", "print the SQL and change nothing")
    .action(async ({ dryRun }: { dryRun?: true }) => {
      const { lockdownCommand } = await import("./lockdown.ts");
      await lockdownCommand(readConfig(program), context, { dryRun: dryRun === true });
    });
  program
    .command("unlock")
    .description("give PUBLIC back what a lock-down took")
    .action(async () => {
      const { unlockCommand } = await import("./unlock.ts");
      await unlockCommand(readConfig(program), context);
    });
  program
    .command("doctor")
    .description("show which walls stand between tenants, by trying; exits 1 when tenants are not isolated")
    .addOption(jsonOption())
    .action(async ({ json }: JsonChoice) => {
      const { doctor } = await import("./doctor.ts");
      await doctor(readConfig(program), context, { json: json === true });
    });
}

interface JsonChoice {
  readonly json?: true;
}

function jsonOption(): Option {
  return new Option("--json", "print JSON for a program to read");
}

async function onDatabase(
  program: Command,
  context: CommandContext,
  use: (client: Client, config: Config) => Promise<void>,
): Promise<void> {
  const config = readConfig(program);
  noteWarnings(config, context);
  await withMigratedDatabase(config, context.signal, (client) => use(client, config));
}

function readConfig(program: Command): Config {
  const { skipMigrations } = program.opts<{ skipMigrations?: true }>();
  return loadConfig(undefined, { overrides: skipMigrations === true ? { skipMigrations } : {} });
}

/** Prints the configuration's warnings for a command. The server writes them into its log instead. */
function noteWarnings(config: Config, { terminal }: CommandContext): void {
  for (const warning of config.warnings ?? []) terminal.note(`warning: ${warning}`);
}

function readVersion(): string {
  const manifest = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(manifest) as { readonly version: string }).version;
}
