import { describe, expect, it } from "vitest";
import { DEFAULT_DEDICATED_HOSTS, isHostRule, parseHostRules } from "../../../src/dedicated/host-rules.ts";

const PORT = 5432;
const byDefault = parseHostRules(DEFAULT_DEDICATED_HOSTS);

describe("the default of POSTGATE_DEDICATED_HOSTS", () => {
  it.each([
    ...[
      "127.0.0.1",
      "127.255.255.254",
      "0.0.0.0",
      "0.1.2.3",
      "169.254.169.254",
      "::",
      "::1",
      "fe80::1",
      "fe80::1%eth0",
    ],
    ...["::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:0:127.0.0.1", "::127.0.0.1", "::ffff:169.254.169.254"],
    ...["64:ff9b::7f00:1", "64:ff9b::169.254.169.254", "64:ff9b:1::1", "64:ff9b:1:ffff::10.0.0.1"],
    ...["2002:7f00:1::", "2002:a9fe:a9fe::1", "2001:0:1234::80ff:fffe", "0:0:0:0:0:0:0:1", "0000::0001"],
  ])("refuses the address %s", (address) => {
    expect(byDefault.judgeAddress(address, PORT)).toBe("refused");
  });

  it.each([
    ...["10.1.2.3", "192.168.0.1", "172.16.0.1", "100.64.0.1", "203.0.113.7", "8.8.8.8", "fd00::1"],
    ...["2001:db8::1", "::ffff:10.0.0.1", "64:ff9b::808:808", "2002:808:808::1"],
  ])("admits the address %s, also of a private network", (address) => {
    expect(byDefault.judgeAddress(address, PORT)).toBe("general");
  });

  it.each(["/var/run/postgresql", "/", "/proc/self/cwd/.postgate/socket", "@abstract", "@/tmp/x"])(
    "refuses the socket %s",
    (host) => {
      expect(byDefault.judgePlace({ host, port: PORT })).toBe("refused");
    },
  );

  it.each(["localhost", "127.1", "2130706433", "0x7f.1", "db.example.com"])(
    "lets the addresses of the name %s decide",
    (host) => {
      expect(byDefault.judgePlace({ host, port: PORT })).toBeUndefined();
    },
  );
});

describe("POSTGATE_DEDICATED_HOSTS", () => {
  it.each([
    { rule: "10.0.0.0/8", address: "10.9.9.9", is: "general" },
    { rule: "10.0.0.0/8", address: "::ffff:10.9.9.9", is: "general" },
    { rule: "10.0.0.0/8", address: "11.0.0.1", is: "refused" },
    { rule: "10.0.0.0/8", address: "64:ff9b::10.9.9.9", is: "refused" },
    { rule: "64:ff9b::/96", address: "64:ff9b::10.9.9.9", is: "refused" },
    { rule: "fd00::/8", address: "fd12::1", is: "general" },
    { rule: "::/0", address: "2001:db8::1", is: "general" },
    { rule: "::/0", address: "10.0.0.1", is: "refused" },
    { rule: "::/0", address: "::1", is: "refused" },
    { rule: "0.0.0.0/0", address: "203.0.113.7", is: "general" },
    { rule: "0.0.0.0/0", address: "127.0.0.1", is: "refused" },
    { rule: "0.0.0.0/0", address: "169.254.169.254", is: "refused" },
    { rule: "127.0.0.0/8", address: "127.0.0.1", is: "general" },
    { rule: "127.0.0.1", address: "127.0.0.1", is: "named" },
    { rule: "127.0.0.1", address: "::ffff:127.0.0.1", is: "named" },
    { rule: "127.0.0.1", address: "127.0.0.2", is: "refused" },
    { rule: "::1", address: "::1", is: "named" },
    { rule: "[::1]:5432", address: "::1", is: "named" },
    { rule: "127.0.0.1:5432", address: "127.0.0.1", is: "named" },
    { rule: "127.0.0.1:5433", address: "127.0.0.1", is: "refused" },
    { rule: "public", address: "203.0.113.7", is: "general" },
    { rule: "public", address: "2001:db8::1", is: "general" },
    { rule: "public", address: "10.0.0.1", is: "refused" },
    { rule: "public", address: "192.168.1.1", is: "refused" },
    { rule: "public", address: "fd00::1", is: "refused" },
    { rule: "public", address: "64:ff9b::10.0.0.1", is: "refused" },
    { rule: "public", address: "100.100.100.100", is: "refused" },
    { rule: "none", address: "203.0.113.7", is: "refused" },
  ])("$rule makes the address $address $is", ({ rule, address, is }) => {
    expect(parseHostRules([rule]).judgeAddress(address, PORT)).toBe(is);
  });

  it.each([
    { rule: "db.example.com", host: "db.example.com", is: "named" },
    { rule: "db.example.com", host: "DB.Example.com.", is: "named" },
    { rule: "db.example.com:5432", host: "db.example.com", is: "named" },
    { rule: "db.example.com:5433", host: "db.example.com", is: undefined },
    { rule: "db.example.com", host: "x.db.example.com", is: undefined },
    { rule: "db.example.com", host: "evil.com", is: undefined },
    { rule: "/run/postgresql", host: "/run/postgresql", is: "named" },
    { rule: "/run/postgresql", host: "/run/postgresql/", is: "refused" },
    { rule: "/run/postgresql", host: "/run/postgresql/../x", is: "refused" },
    { rule: "/run/postgresql", host: "/run/../run/postgresql", is: "refused" },
    { rule: "/run/postgresql", host: "/run//postgresql", is: "refused" },
    { rule: "default", host: "/run/postgresql", is: "refused" },
  ])("$rule makes the place $host $is", ({ rule, host, is }) => {
    expect(parseHostRules([rule]).judgePlace({ host, port: PORT })).toBe(is);
  });

  it.each([
    ...["default", "public", "none", "localhost", "db.internal:6432", "10.0.0.0/8", "10.0.0.5", "fd00::/8", "::1"],
    ...["[::1]:5433", "/var/run/postgresql", "/", "under_score.example"],
  ])("accepts %s", (element) => {
    expect(isHostRule(element)).toBe(true);
  });

  it.each([
    ...[
      "",
      "10.0.0.0/33",
      "10.0.0.1/8",
      "fd00::/129",
      "/run/../x",
      "/run/",
      "a b",
      "a/b",
      "@x",
      "1.2.3",
      "127.1",
      "[::1",
      "x:y",
    ],
    ...["*.example.com", "http://x", "a..b", "fe80::1%eth0/64"],
  ])("does not accept %j", (element) => {
    expect(isHostRule(element)).toBe(false);
  });
});
