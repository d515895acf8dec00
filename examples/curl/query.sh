#!/usr/bin/env bash
# SQL by curl alone: a table, parameters, a batch and an error.
#
#   POSTGATE_URL=http://127.0.0.1:3000 POSTGATE_TOKEN=pg_… bash examples/curl/query.sh
#
# The token needs CREATE besides the default permissions.
set -euo pipefail
: "${POSTGATE_URL:?the address of the gateway}" "${POSTGATE_TOKEN:?a token of a database}"

# The header comes from a file descriptor, because everybody on the machine can read the arguments of a command.
query() {
  curl --silent --show-error "$POSTGATE_URL/query" \
    --header @<(printf 'Authorization: Bearer %s' "$POSTGATE_TOKEN") \
    --header 'Content-Type: application/json' \
    --data "$1"
  echo
}

query '{"sql": "CREATE TABLE IF NOT EXISTS visit (page text PRIMARY KEY, times bigint NOT NULL)"}'

# $1, $2, … are parameters: values never meet the text of the statement.
query '{
  "sql": "INSERT INTO visit VALUES ($1, 1) ON CONFLICT (page) DO UPDATE SET times = visit.times + 1 RETURNING page",
  "params": ["/it'"'"'s; DROP TABLE visit"]
}'

# A batch is one transaction: both statements, or none.
query '{
  "statements": [
    {"sql": "DELETE FROM visit WHERE times > $1", "params": [1000000]},
    {"sql": "SELECT count(*) AS pages FROM visit"}
  ]
}'

# An error has a code, and says where in the statement it is.
query '{"sql": "SELECT nothing FROM visit"}'
