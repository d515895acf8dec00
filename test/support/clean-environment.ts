// Removes every variable that names a database or configures the gateway, so that tests do not see the developer's settings.
for (const name of Object.keys(process.env)) {
  if (/^(DATABASE_URL|MAX_BODY_SIZE_MB|POSTGRES_.*|POSTGATE_.*|PG[A-Z]+)$/.test(name))
    Reflect.deleteProperty(process.env, name);
}
