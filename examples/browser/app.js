// Notes in a page, by the client of Postgate in a browser. examples/browser/serve.mjs serves it.
//
// Whoever can use the page can use its token. So it is the user's own, as here, where the page keeps it in memory alone; or one
// whose permissions and data you would publish.

import { PostgateClient, PostgateError } from "postgate/client";

const [connectForm, addForm] = document.forms;
const list = document.querySelector("#notes");
const status = document.querySelector("#status");

let client;

connectForm.addEventListener("submit", (event) =>
  run(event, async ({ token }) => {
    client = new PostgateClient(location.origin, token);
    await client.query("CREATE TABLE IF NOT EXISTS note (id int GENERATED ALWAYS AS IDENTITY, body text NOT NULL)");
    await showNotes();
    connectForm.hidden = true;
    addForm.hidden = false;
  }),
);

addForm.addEventListener("submit", (event) =>
  run(event, async ({ body }) => {
    await client.query("INSERT INTO note (body) VALUES ($1)", [body]);
    addForm.reset();
    await showNotes();
  }),
);

async function showNotes() {
  const { rows } = await client.query("SELECT body FROM note ORDER BY id DESC LIMIT 20");
  list.replaceChildren(
    ...rows.map(({ body }) => {
      const item = document.createElement("li");
      item.textContent = body; // Never innerHTML: a note is anybody's text.
      return item;
    }),
  );
  status.textContent = `${rows.length} notes`;
}

async function run(event, action) {
  event.preventDefault();
  try {
    await action(Object.fromEntries(new FormData(event.target)));
  } catch (error) {
    // A TypeError is the client's: what was typed is no token.
    if (!(error instanceof PostgateError) && !(error instanceof TypeError)) throw error;
    status.textContent = error.message;
  }
}
