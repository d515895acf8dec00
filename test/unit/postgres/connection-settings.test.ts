import { userInfo } from "node:os";
import { describe, expect, it } from "vitest";
import { describeConnection, parseConnectionUrl } from "../../../src/postgres/connection-settings.ts";

const COMPLETE = {
  host: "db.internal",
  port: 6432,
  user: "app",
  password: "secret",
  database: "shop",
  sslMode: "prefer",
  sslRootCert: undefined,
};

describe("parseConnectionUrl", () => {
  it.each([
    { url: "postgres://app:secret@db.internal:6432/shop", differs: {} },
    { url: "postgresql://app:secret@db.internal:6432/shop", differs: {} },
    { url: " postgres://app:secret@db.internal:6432/shop\n", differs: {} },
    { url: "postgres://app:secret@db.internal/shop", differs: { port: 5432 } },
    { url: "postgres://app:secret@db.internal:6432", differs: { database: "app" } },
    { url: "postgres://app:secret@db.internal:6432/", differs: { database: "app" } },
    { url: "postgres://app@db.internal:6432/shop", differs: { password: undefined } },
    { url: "postgres://app:@db.internal:6432/shop", differs: { password: undefined } },
    {
      url: "postgres://a%40b:p%2F%3Aw@db.internal:6432/my%20shop",
      differs: { user: "a@b", password: "p/:w", database: "my shop" },
    },
    { url: "postgres://app:a:b?c#d@db.internal:6432/shop", differs: { password: "a:b?c#d" } },
    { url: "postgres://app:secret@[2001:db8::1]:6432/shop", differs: { host: "2001:db8::1" } },
    { url: "postgres://app:secret@[::1]/shop", differs: { host: "::1", port: 5432 } },
    { url: "postgres://app:secret@/shop", differs: { host: "localhost", port: 5432 } },
    { url: "postgres://app:secret@%2Fvar%2Frun%2Fpg:6432/shop", differs: { host: "/var/run/pg" } },
    { url: "postgres://app:secret@/shop?host=/var/run/pg&port=6432", differs: { host: "/var/run/pg" } },
    { url: "postgres:///?user=app&password=secret&host=db.internal&port=6432&dbname=shop", differs: {} },
    { url: "postgres://app:secret@db.internal:6432/shop?sslmode=", differs: {} },
    { url: "postgres://app:secret@db.internal:6432/shop?sslmode=disable", differs: { sslMode: "disable" } },
    {
      url: "postgres://app:secret@db.internal:6432/shop?sslmode=verify-ca&sslrootcert=%2Fetc%2Fca.pem",
      differs: { sslMode: "verify-ca", sslRootCert: "/etc/ca.pem" },
    },
    {
      url: "postgres://app:secret@db.internal:6432/shop?sslrootcert=system",
      differs: { sslMode: "verify-full", sslRootCert: "system" },
    },
    {
      url: "postgres://app:secret@db.internal:6432/shop?connect_timeout=3&application_name=x&options=-c%20geqo%3Doff",
      differs: { connectTimeoutMs: 3_000, applicationName: "x", options: "-c geqo=off" },
    },
    {
      url: "postgres://app:secret@db.internal:6432/shop?sslmode=require&channel_binding=require",
      differs: { sslMode: "require", requireChannelBinding: true },
    },
    {
      url: "postgres://app:secret@db.internal:6432/shop?keepalives=1&gssencmode=prefer&target_session_attrs=any",
      differs: {},
    },
  ])("reads $url", ({ url, differs }) => {
    expect(parseConnectionUrl(url)).toEqual({ ...COMPLETE, ...differs });
  });

  it.each([
    { url: "postgres://app@one,two:6432,[::1]:1/shop", places: ["one:5432", "two:6432", "::1:1"] },
    { url: "postgres://app@one,two:/shop?port=7", places: ["one:7", "two:7"] },
    { url: "postgres://app@/shop?host=/run/a,/run/b&port=1,2", places: ["/run/a:1", "/run/b:2"] },
  ])("reads the hosts of $url in their order", ({ url, places }) => {
    const { otherPlaces = [], ...first } = parseConnectionUrl(url);
    expect([first, ...otherPlaces].map(({ host, port }) => `${host}:${port}`)).toEqual(places);
  });

  it("reads the kind of server from target_session_attrs", () => {
    const wanted = (attributes: string): unknown =>
      parseConnectionUrl(`postgres://app@one,two/shop?target_session_attrs=${attributes}`).targetSessionAttributes;
    expect([wanted("any"), wanted("read-write"), wanted("primary")]).toEqual([undefined, "read-write", "primary"]);
  });

  it("uses the operating system's user if the URL names none", () => {
    const { username } = userInfo();

    expect(parseConnectionUrl("postgres://db.internal")).toMatchObject({ user: username, database: username });
  });

  it.each([
    { url: "db.internal/shop", says: "postgres://user:password@host:port/database" },
    { url: "mysql://app:hunter2@db/shop", says: "postgres://user:password@host:port/database" },
    { url: "host=db user=app password=hunter2", says: "postgres://user:password@host:port/database" },
    { url: "", says: "postgres://user:password@host:port/database" },
    { url: "postgres://app:hunter2@@db/shop", says: "percent-encoded" },
    { url: "postgres://app:hun/ter2@db/shop", says: "percent-encoded" },
    { url: "postgres://app:hunter2/@db/shop", says: "percent-encoded" },
    { url: "postgres://app:hunter2%@db/shop", says: "the password has a broken percent-encoding" },
    { url: "postgres://app:hunter2%00@db/shop", says: "the password holds a NUL character" },
    { url: "postgres://app:hunter2@db:hunter2/shop", says: "the port must be a number from 1 to 65535" },
    { url: "postgres://app:hunter2@db:0/shop", says: "the port must be a number from 1 to 65535" },
    { url: "postgres://app:hunter2@db:65536/shop", says: "the port must be a number from 1 to 65535" },
    { url: "postgres://app:hunter2@one,two,three:1/shop?port=1,2", says: "one port, or one for each host" },
    { url: "postgres://app:hunter2@one:1,two:x/shop", says: "the port must be" },
    { url: "postgres://app:hunter2@one/shop?target_session_attrs=standby", says: "any, read-write, primary" },
    { url: "postgres://app:hunter2@2001:db8::1/shop", says: "the port must be" },
    { url: "postgres://app:hunter2@[::1/shop", says: "in brackets" },
    {
      url: "postgres://app:hunter2@db/shop?sslmode=allow",
      says: '"sslmode" must be one of disable, prefer, require, verify-ca, verify-full',
    },
    {
      url: "postgres://app:hunter2@db/shop?sslmode=require&sslrootcert=system",
      says: "sslrootcert=system needs sslmode=verify-full",
    },
    {
      url: "postgres://app:hunter2@db/shop?connect_timeout=soon",
      says: '"connect_timeout" must be a number of seconds',
    },
    {
      url: "postgres://app:hunter2@db/shop?channel_binding=maybe",
      says: '"channel_binding" must be one of disable, prefer, require',
    },
    { url: "postgres://app:hunter2@db/shop?service=prod", says: '"service" is not supported' },
    { url: "postgres://app:hunter2@db/shop?passfile=/etc/passwd", says: '"passfile" is not supported' },
    { url: "postgres://app:hunter2@db/shop?sslkey=/root/key", says: '"sslkey" is not supported' },
    { url: "postgres://app:hunter2@db/shop?hostaddr=10.0.0.1", says: '"hostaddr" is not supported' },
    { url: "postgres://app:hunter2@db/shop?ssl=true", says: '"ssl" is not supported' },
    { url: "postgres://app:hunter2@db/shop?__proto__=1", says: '"__proto__" is not supported' },
    { url: "postgres://app:hunter2@db/shop?gssencmode=require", says: '"gssencmode" may only be disable or prefer' },
    {
      url: "postgres://app:hunter2@db/shop?target_session_attrs=prefer-standby",
      says: "any, read-write, primary",
    },
    { url: "postgres://app:hunter2@db/shop?sslmode", says: "?name=value" },
    { url: "postgres://app:hunter2@db/shop?a=b=c", says: "?name=value" },
  ])("refuses $url without repeating its password", ({ url, says }) => {
    const parse = (): unknown => parseConnectionUrl(url);

    expect(parse).toThrow(says);
    expect(parse).not.toThrow(/hunter2|ter2/);
  });
});

describe("describeConnection", () => {
  it.each([
    { url: "postgres://app:secret@db.internal:6432/shop", text: 'database "shop" on db.internal:6432 as "app"' },
    { url: "postgres://app:secret@[::1]/shop", text: 'database "shop" on [::1]:5432 as "app"' },
    { url: "postgres://app:secret@/shop?host=/run/pg", text: 'database "shop" on /run/pg/.s.PGSQL.5432 as "app"' },
  ])("describes the connection as $text", ({ url, text }) => {
    expect(describeConnection(parseConnectionUrl(url))).toBe(text);
  });
});
