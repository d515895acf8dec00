// Sees to it that the embedded server asks everybody for a password, before it is started: new folders, folders of a release
// that trusted whoever reached the socket, and folders whose password is lost. The owner of the folder's lock calls it.

import { join } from "node:path";
import { toScramVerifier } from "../postgres/scram-verifier.ts";
import { SUPERUSER } from "./init-data-folder.ts";
import { readIfThere } from "./read-if-there.ts";
import { replaceFile } from "./replace-file.ts";
import { runSingleUser, type StoppedServer } from "./single-user-server.ts";
import { createSuperuserPassword, findSuperuserPassword } from "./superuser-password.ts";

/** All of pg_hba.conf: it has no line by which anybody gets in without a password. */
const ACCESS_RULES = "# Postgate writes this file.\nlocal all all scram-sha-256\n";

/**
 * A server that trusted everybody never checked the passwords of Postgate's two logins, and others may have read them. A login
 * whose password is forgotten gets a new one when the gateway or a command connects.
 */
const FORGET_LOGIN_PASSWORDS =
  "do $$ begin if to_regclass('postgate_private.logins') is not null then delete from postgate_private.logins; end if; end $$";

/** Gives the superuser's password, which it sets where the folder does not ask for one or the password is lost. */
export async function requirePassword(folder: string, server: StoppedServer): Promise<string> {
  const password = await findSuperuserPassword(folder);
  const rules = await readIfThere(accessFileOf(server));
  return password !== undefined && rules === ACCESS_RULES ? password : renewPassword(folder, server);
}

/**
 * Sets a new password. The file has it first, and the access rules come last, so that a start which is killed in between leaves a
 * folder whose next start does the same again.
 */
export async function renewPassword(folder: string, server: StoppedServer): Promise<string> {
  const password = await createSuperuserPassword(folder);
  // The verifier is base64 and punctuation: no quote can be in it.
  const setPassword = `alter role ${SUPERUSER} password '${toScramVerifier(password)}'`;
  await runSingleUser(server, [setPassword, FORGET_LOGIN_PASSWORDS]);
  await replaceFile(accessFileOf(server), ACCESS_RULES, server.user);
  return password;
}

function accessFileOf({ dataFolder }: StoppedServer): string {
  return join(dataFolder, "pg_hba.conf");
}
