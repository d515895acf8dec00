// Runs baseline (a): Fastify reads the body and sends an answer that costs nothing.
import Fastify from "fastify";

const app = Fastify({ logger: false });
app.post("/query", (_request, reply) =>
  reply.header("content-type", "application/json; charset=utf-8").send('{"rows":[],"row_count":0}'),
);
process.stdout.write(`${await app.listen({ port: 0, host: "127.0.0.1" })}\n`);
