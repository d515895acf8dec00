# The gateway without an embedded PostgreSQL: set DATABASE_URL. The programs belong to root and run as an ordinary user.

FROM node:24-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts --omit=optional
COPY tsconfig.json tsconfig.build.json ./
COPY scripts/build.mjs scripts/
COPY src/ src/
RUN node scripts/build.mjs

FROM node:24-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts --omit=dev --omit=optional

FROM node:24-bookworm-slim
ENV NODE_ENV=production \
    POSTGATE_EMBEDDED=off \
    POSTGATE_HOST=0.0.0.0
WORKDIR /app
COPY --from=dependencies /app/package.json ./
COPY --from=dependencies /app/node_modules node_modules/
COPY migrations/ migrations/
COPY --from=build /build/dist dist/
COPY LICENSE ./

# The image's user `node`, by number so that Kubernetes can see that it is not root.
USER 1000:1000
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.POSTGATE_PORT || 3000}/health`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# The gateway handles SIGTERM itself, so it needs no init process in front.
ENTRYPOINT ["node", "/app/dist/cli/main.js"]
