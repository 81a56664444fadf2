import type { PassThrough } from "node:stream";

/**
 * The text written to a stream since this was asked last. One read gives all of it up to Node 24, a piece from 26 on.
 */
export function written(stream: PassThrough): string {
  const pieces: Buffer[] = [];
  for (let piece = stream.read(); piece !== null; piece = stream.read()) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString();
}
