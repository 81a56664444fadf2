/** What `ovl push IMAGE [REF]` means, done and noted. */
import { availableParallelism } from "node:os";
import { OvlError } from "../errors.js";
import { familiarString, parseReference, type Reference, withDefaultTag } from "../model/reference.js";
import { type PushOptions, push } from "../store/push.js";
import { notePush } from "../store/push-notes.js";
import type { Store } from "../store/store.js";

export interface Pushed {
  readonly reference: string;
  readonly digest: string;
  readonly size: number;
  readonly layers: readonly { readonly digest: string; readonly status: "pushed" | "exists" | "mounted" }[];
}

/** Layers at once: whoever waits for a registry needs no processor. As many as dockerd has under way. */
const UPLOADS = 5;

/**
 * @param reader the root, which the push itself only reads
 * @param openWriter the same root, for the notes
 */
export async function pushImage(
  reader: Store,
  openWriter: (signal: AbortSignal) => Promise<Store>,
  image: string,
  options: Omit<PushOptions, "jobs"> & { readonly target: string | undefined; readonly jobs: number | undefined },
): Promise<Pushed> {
  const reference = targetOf(image, options.target);
  const jobs = options.jobs ?? Math.max(UPLOADS, availableParallelism());
  const result = await push(reader, image, reference, { ...options, jobs });
  await note(openWriter, reference, result);
  return {
    reference: familiarString(reference),
    digest: result.digest,
    size: result.size,
    layers: result.layers.map(({ digest, status }) => ({ digest, status })),
  };
}

/** Throws USAGE where the registry cannot be told from what was said. */
function targetOf(image: string, target: string | undefined): Reference {
  const text = target ?? image;
  if (target === undefined && /^(?:sha256:)?[0-9a-f]{64}$/.test(image)) {
    throw new OvlError("USAGE", "an id names no registry: ovl push ID NAME says where the image goes");
  }
  const reference = withDefaultTag(parseReference(text.replace(/^docker:\/\//, "")));
  if (reference.digest === null) return reference;
  throw new OvlError("USAGE", `${text} is a name by digest; push to a tag, the digest follows from the image`);
}

/** Long enough for another ovl that is about to finish. */
const LOCK_PATIENCE_MS = 2000;

/** A root that is in use or cannot be written keeps no notes: the image is in the registry all the same. */
async function note(openWriter: (signal: AbortSignal) => Promise<Store>, ...noted: NoteArguments): Promise<void> {
  try {
    await using store = await openWriter(AbortSignal.timeout(LOCK_PATIENCE_MS));
    notePush(store, ...noted);
  } catch (thrown) {
    const isRefused = thrown instanceof OvlError && (thrown.exit === 5 || thrown.exit === 6);
    if (!isRefused && (thrown as Error).name !== "TimeoutError") throw thrown;
  }
}

type NoteArguments = Parameters<typeof notePush> extends [Store, ...infer Rest] ? Rest : never;
