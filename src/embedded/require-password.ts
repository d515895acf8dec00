// Ensures, before the embedded server starts, that it requires a password from everybody. Three kinds of folders need this: new ones,
// those of a release that trusted everybody who could reach the socket, and those whose password is lost. The caller owns the
// folder's lock.

import { join } from "node:path";
import { toScramVerifier } from "../postgres/scram-verifier.ts";
import { SUPERUSER } from "./init-data-folder.ts";
import { readIfThere } from "./read-if-there.ts";
import { replaceFile } from "./replace-file.ts";
import { runSingleUser, type StoppedServer } from "./single-user-server.ts";
import { createSuperuserPassword, findSuperuserPassword } from "./superuser-password.ts";

/** The whole text of pg_hba.conf. No line of it admits anybody without a password. */
const ACCESS_RULES = "# Postgate writes this file.\nlocal all all scram-sha-256\n";

/**
 * Deletes the stored passwords of Postgate's two logins. A server that trusted everybody never checked these passwords, and others
 * may have read them. Each login gets a new password when the gateway or a command connects.
 */
const FORGET_LOGIN_PASSWORDS =
  "do $$ begin if to_regclass('postgate_private.logins') is not null then delete from postgate_private.logins; end if; end $$";

/** Returns the superuser's password. Sets a new one when the server does not require a password yet or the password is lost. */
export async function requirePassword(folder: string, server: StoppedServer): Promise<string> {
  const password = await findSuperuserPassword(folder);
  const rules = await readIfThere(accessFileOf(server));
  return password !== undefined && rules === ACCESS_RULES ? password : renewPassword(folder, server);
}

/**
 * Sets a new password. It writes the password file first and the access rules last, so that the next start repeats the work when this
 * one is killed in between.
 */
export async function renewPassword(folder: string, server: StoppedServer): Promise<string> {
  const password = await createSuperuserPassword(folder);
  // The verifier consists of base64 and punctuation, so it cannot contain a quote.
  const setPassword = `alter role ${SUPERUSER} password '${toScramVerifier(password)}'`;
  await runSingleUser(server, [setPassword, FORGET_LOGIN_PASSWORDS]);
  await replaceFile(accessFileOf(server), ACCESS_RULES, server.user);
  return password;
}

function accessFileOf({ dataFolder }: StoppedServer): string {
  return join(dataFolder, "pg_hba.conf");
}
