// Serves the page of this folder, and hands its queries on to the gateway, so that both are one origin for the browser: as a
// reverse proxy does it in production.
//
//   POSTGATE_URL=http://127.0.0.1:3000 PORT=8080 node examples/browser/serve.mjs
//
// Then open the address that it prints, and give the page a token with CREATE besides the default permissions.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";

const { POSTGATE_URL, PORT = "8080" } = process.env;
const fileOf = (name) => fileURLToPath(new URL(name, import.meta.url));

const page = await readFile(fileOf("index.html"));
const [script] = buildSync({ entryPoints: [fileOf("app.js")], bundle: true, format: "esm", write: false }).outputFiles;

const files = {
  "/": { type: "text/html; charset=utf-8", body: page },
  "/app.js": { type: "text/javascript; charset=utf-8", body: script.contents },
};

async function forward(request, response) {
  const { authorization = "", "content-type": type = "" } = request.headers;
  const answer = await fetch(`${POSTGATE_URL}/query`, {
    method: "POST",
    headers: { authorization, "content-type": type },
    body: request,
    duplex: "half",
  });
  response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") });
  response.end(await answer.text());
}

const server = createServer((request, response) => {
  const file = files[request.url];
  if (request.method === "GET" && file !== undefined) {
    response.writeHead(200, { "content-type": file.type, "content-security-policy": "default-src 'self'" });
    response.end(file.body);
  } else if (request.method === "POST" && request.url === "/query") {
    forward(request, response).catch(() => response.writeHead(502).end());
  } else {
    response.writeHead(404).end();
  }
});
server.listen(Number(PORT), "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
