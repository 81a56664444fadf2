/**
 * A blob as it arrives. A connection that breaks is taken up where it broke; whoever reads the bytes hashes them and
 * notices nothing. Whether they are the right ones is not asked here.
 */
import type { ByteStream } from "../../blob/byte-source.js";
import { OvlError } from "../../errors.js";
import type { Descriptor } from "../../model/manifest.js";
import type { RegistryClient } from "./client.js";
import { Pauses, stopped, Transient } from "./retry.js";
import { shownUrl } from "./secrets.js";
import type { Incoming } from "./transport.js";

/** One place that has a repository. */
export interface Repository {
  readonly client: RegistryClient;
  /** Path within the registry: `library/debian`. */
  readonly path: string;
}

/** Bytes that count as progress: a connection that brings less did not help. */
const PROGRESS_BYTES = 64 * 1024;

export function pullScope(path: string): readonly string[] {
  return [`repository:${path}:pull`];
}

/** @param places where the blob may be had, in the order in which they are asked; each of them if need be */
export function blobStream(places: readonly Repository[], { digest, size }: Descriptor): ByteStream {
  return {
    size,
    async *chunks(signal) {
      const state = { at: 0, size };
      for (const [i, place] of places.entries()) {
        try {
          yield* fromPlace(place, digest, state, signal);
          return;
        } catch (thrown) {
          if (signal.aborted || i === places.length - 1) throw place.client.cleaned(thrown);
        }
      }
    },
  };
}

interface Position {
  /** Bytes that were passed on. */
  at: number;
  readonly size: number;
}

async function* fromPlace(
  { client, path }: Repository,
  digest: string,
  position: Position,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const pauses = new Pauses(client.patience, signal);
  for (;;) {
    const from = position.at;
    try {
      yield* fromConnection({ client, path }, digest, position, signal);
      // One that ended before its time is taken up again; one that has nothing more is as long as it is.
      if (position.at >= position.size || position.at === from) return;
      if (position.at - from < PROGRESS_BYTES) throw new Transient(cut(digest, position));
    } catch (thrown) {
      if (signal.aborted) throw stopped(signal);
      if (!(thrown instanceof Transient)) throw thrown;
      if (position.at - from >= PROGRESS_BYTES) pauses.reset();
      await pauses.next(thrown);
    }
  }
}

async function* fromConnection(
  { client, path }: Repository,
  digest: string,
  position: Position,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const subject = `blob ${digest} of ${client.domain}/${path}`;
  const answer = await client.request({
    method: "GET",
    path: `${path}/blobs/${digest}`,
    headers: position.at === 0 ? {} : { range: `bytes=${position.at}-` },
    scope: pullScope(path),
    accept: [200, 206, 416],
    subject,
    signal,
    retries: false,
  });
  try {
    // 416: there is nothing from there on.
    if (answer.status === 416) return;
    let skip = bytesToSkip(answer, subject, position);
    for await (const chunk of inTime(answer, subject, client)) {
      const wanted = chunk.subarray(Math.min(skip, chunk.length));
      skip -= chunk.length - wanted.length;
      position.at += wanted.length;
      if (wanted.length > 0) yield wanted;
    }
  } catch (thrown) {
    throw thrown instanceof Error ? client.transport.failure(thrown, answer.url) : thrown;
  } finally {
    answer.body.destroy();
  }
}

/** A server that knows no ranges sends everything again. Throws SIZE_MISMATCH where the length cannot be right. */
function bytesToSkip(answer: Incoming, subject: string, { at, size }: Position): number {
  const range = /^bytes (\d+)-(?:\d+)\/(\d+|\*)$/.exec(answer.header("content-range") ?? "");
  const total = answer.status === 206 ? (range?.[2] ?? "*") : (answer.header("content-length") ?? "*");
  if (total !== "*" && Number(total) !== size) {
    throw new OvlError("SIZE_MISMATCH", `${subject}: expected ${size} bytes, but the registry has ${total}`, {
      subject,
      expected: size,
      actual: Number(total),
    });
  }
  if (answer.status !== 206) return at;
  const start = Number(range?.[1] ?? Number.NaN);
  if (start <= at) return at - start;
  throw new OvlError("REGISTRY", `${subject}: asked for bytes from ${at} on, the registry sends other ones`, {
    url: shownUrl(answer.url),
  });
}

/** Chunks, as long as they come fast enough. The time that the reader takes does not count. */
async function* inTime(answer: Incoming, subject: string, { patience }: RegistryClient): AsyncGenerator<Buffer> {
  const chunks = (answer.body as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  let waited = 0;
  let bytes = 0;
  for (;;) {
    const start = performance.now();
    const { done, value } = await chunks.next();
    if (done) return;
    waited += performance.now() - start;
    bytes += value.length;
    if (waited > patience.crawl) {
      if (bytes < PROGRESS_BYTES) throw new Transient(tooSlow(subject, bytes, waited));
      waited = 0;
      bytes = 0;
    }
    yield value;
  }
}

function tooSlow(subject: string, bytes: number, waited: number): OvlError {
  const seconds = Math.round(waited / 1000);
  return new OvlError("NETWORK", `${subject} comes too slowly: ${bytes} bytes in ${seconds} s`, { subject });
}

function cut(digest: string, { at, size }: Position): OvlError {
  return new OvlError("NETWORK", `blob ${digest}: the connection ended after ${at} of ${size} bytes`, {
    expected: size,
    actual: at,
  });
}
