// Makes new texts from the tokens of two texts of the corpora. Some of them parse and mean something new.

import { textOf } from "./tokens.mjs";

const isSpace = ({ kind }) => kind === "space" || kind === "comment";

/** Cuts at a random place that is no white space, so that a change always changes something. */
function placeIn(tokens, random, kind) {
  const places = tokens.flatMap((token, index) => (isSpace(token) || (kind && token.kind !== kind) ? [] : [index]));
  return places.length === 0 ? undefined : random.pick(places);
}

function replaceSameKind(tokens, other, random) {
  const changed = [...tokens];
  for (let times = 1 + random.below(3); times > 0; times -= 1) {
    const at = placeIn(changed, random);
    const from = at === undefined ? undefined : placeIn(other, random, changed[at].kind);
    if (from !== undefined) changed[at] = other[from];
  }
  return changed;
}

const SPACE = { kind: "space", text: " " };

/** The text between two matching brackets is usually an expression, a list or a sub-select. */
function bracketed(tokens, random) {
  const start = placeIn(tokens, random, "mark");
  if (start === undefined || tokens[start].text !== "(") return undefined;
  let depth = 0;
  for (let at = start; at < tokens.length; at += 1) {
    if (tokens[at].text === "(") depth += 1;
    if (tokens[at].text === ")" && --depth === 0) return { start, end: at + 1 };
  }
  return undefined;
}

function replaceBracketed(tokens, other, random) {
  const [target, source] = [bracketed(tokens, random), bracketed(other, random)];
  if (target === undefined || source === undefined) return replaceSameKind(tokens, other, random);
  return [...tokens.slice(0, target.start), ...other.slice(source.start, source.end), ...tokens.slice(target.end)];
}

function replaceWord(tokens, other, random) {
  const at = placeIn(tokens, random, random.pick(["word", "string", "number", "parameter"]));
  if (at === undefined) return tokens;
  return [
    ...tokens.slice(0, at),
    { kind: "mark", text: "(" },
    ...other,
    { kind: "mark", text: ")" },
    ...tokens.slice(at + 1),
  ];
}

function join(tokens, other, random) {
  const [at, from] = [placeIn(tokens, random), placeIn(other, random)];
  return [...tokens.slice(0, at), SPACE, ...other.slice(from)];
}

function shuffle(tokens, other, random) {
  const all = [...tokens, ...other].filter((token) => !isSpace(token));
  if (all.length === 0) return tokens; // Both texts consist of white space and comments.
  return Array.from({ length: 1 + random.below(20) }, () => random.pick(all)).flatMap((token) => [token, SPACE]);
}

const WAYS = [replaceSameKind, replaceSameKind, replaceBracketed, replaceBracketed, replaceWord, join, shuffle];

export function splice(tokens, other, random) {
  return textOf(random.pick(WAYS)(tokens, other, random));
}
