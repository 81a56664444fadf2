/** `ovl pull docker://…` in this process, with less patience than people have. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { asOvlError, type OvlError } from "../../../src/errors.js";
import { openSource } from "../../../src/source/open-source.js";
import { type Credentials, NO_OPTIONS, type RegistryOptions } from "../../../src/source/registry/options.js";
import { type PullResult, pull } from "../../../src/store/pull.js";
import { openStore } from "../../../src/store/store.js";
import { expectSound } from "../../support/expect-sound.js";

export const IMPATIENT: RegistryOptions = {
  ...NO_OPTIONS,
  patience: { connect: 5000, idle: 1500, document: 3000, crawl: 1500, tries: 3, pause: 20, pauses: 3000 },
};

export const USER: Credentials = { username: "ci", password: "the-s3cret-of-ci", identityToken: null };

/** Everything that must never be shown: the password, and what it becomes in a header. */
export const SECRETS = [USER.password, Buffer.from(`${USER.username}:${USER.password}`).toString("base64")];

export async function pullInto(
  root: string,
  source: string,
  options: RegistryOptions = IMPATIENT,
): Promise<PullResult | OvlError> {
  try {
    const opened = await openSource(source, options);
    await using from = opened.source;
    const images = await from.images({ name: null, platform: null });
    await using store = await openStore({ root, driver: null }, "write");
    return await pull(store, images, { tags: [], expect: null, strict: false, jobs: 2 });
  } catch (thrown) {
    return asOvlError(thrown);
  }
}

/** A failed pull leaves a root that holds nothing, or none at all. */
export function expectNothing(root: string): string[] {
  const content = join(root, "image/overlay2/imagedb/content/sha256");
  try {
    readdirSync(content);
  } catch {
    return [];
  }
  expectSound(root);
  const names = readFileSync(join(root, "image/overlay2/repositories.json"), "utf8");
  return [
    ...readdirSync(content),
    ...readdirSync(join(root, "overlay2")).filter((name) => name !== "l"),
    ...(names === '{"Repositories":{}}' ? [] : [names]),
  ];
}
