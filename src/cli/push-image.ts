/** What `ovl push IMAGE [REF]` means, done and noted. */
import { availableParallelism } from "node:os";
import { OvlError } from "../errors.js";
import { familiarString, parseReference, type Reference, withDefaultTag } from "../model/reference.js";
import { type PushOptions, push } from "../store/push.js";
import { notePush } from "../store/push-notes.js";
import { isIdPrefix, resolveImage } from "../store/resolve.js";
import { nameOf } from "../store/save-plan.js";
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
  const reference = targetOf(reader, image, options.target);
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

/** Throws USAGE where the registry cannot be told from what was said, and what `resolveImage` throws. */
function targetOf(store: Store, image: string, target: string | undefined): Reference {
  const text = target ?? image;
  if (target === undefined && isById(store, image)) {
    throw new OvlError(
      "USAGE",
      `${image} is an id, which names no registry: ovl push ${image} NAME says where the image goes`,
    );
  }
  const reference = withDefaultTag(parseReference(text.replace(/^docker:\/\//, "")));
  if (reference.digest === null) return reference;
  throw new OvlError("USAGE", `${text} is a name by digest; push to a tag, the digest follows from the image`);
}

/** Whether the root has no such name, only an image whose id is this, or begins so. */
function isById(store: Store, image: string): boolean {
  const id = resolveImage(store, image);
  return isIdPrefix(id, image) && nameOf(store, image, id) === null;
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
