// Tests must not see the developer's own settings: whatever names a database or configures the gateway is removed.
for (const name of Object.keys(process.env)) {
  if (/^(DATABASE_URL|MAX_BODY_SIZE_MB|POSTGRES_.*|POSTGATE_.*|PG[A-Z]+)$/.test(name))
    Reflect.deleteProperty(process.env, name);
}
