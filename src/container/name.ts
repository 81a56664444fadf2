/** Names of containers: what docker allows, and one for a container that was given none. */
import { randomInt } from "node:crypto";
import { OvlError } from "../errors.js";
import { CONTAINER_NAME } from "../store/resolve-container.js";

/** How often a made-up name may be taken before the container is called by its id. */
const TRIES = 6;

/** @returns the name without the slash that docker puts before it. Throws USAGE. */
export function checkName(text: string): string {
  const name = text.startsWith("/") ? text.slice(1) : text;
  if (CONTAINER_NAME.test(name)) return name;
  throw new OvlError(
    "USAGE",
    `${JSON.stringify(text)} is no name for a container: two or more of a-z, A-Z, 0-9, "_", "." and "-", the first a letter or digit`,
    { name: text },
  );
}

/** @param taken names that other containers have; @param id of the container to be named */
export function makeName(taken: ReadonlySet<string>, id: string): string {
  for (let i = 0; i < TRIES; i++) {
    const name = `${pick(ADJECTIVES)}_${pick(SURNAMES)}`;
    if (!taken.has(name)) return name;
  }
  return id.slice(0, 12);
}

function pick(words: readonly string[]): string {
  return words[randomInt(words.length)] as string;
}

const ADJECTIVES =
  "able amber ample azure basic brisk calm civil clear crisp deft dry early even fair firm fleet fresh frugal gentle glad grand handy hardy keen kind level light lucid mellow mild modest neat noble open patient plain prime prompt quiet rapid ready rustic safe sane sober solid sound spare steady still stout swift terse tidy true valid vivid warm whole wise".split(
    " ",
  );

/** People to whom file systems, links and layers owe something. */
const SURNAMES =
  "bayer canaday card codd comer daley dijkstra fano feistel gray hamming hopper huffman kilburn knuth lamport lampson liskov mauchly mckusick merkle mohan needham neumann ousterhout perlman reed ritchie rivest rosenblum shannon stallman svoboda thompson tweedie wheeler wilkes ziv".split(
    " ",
  );
