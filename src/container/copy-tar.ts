/** Objects as the tar that docker's cp gives for them. */
import { OvlError } from "../errors.js";
import { type ByteString, displayName } from "../model/bytes.js";
import { goHeader } from "../tar/go-header.js";
import { END_OF_ARCHIVE, padding } from "../tar/writer.js";
import type { CopyObject } from "./copy-objects.js";

/** The bytes, in pieces that are valid until the next. Throws what reading throws; IO where a file shrinks meanwhile. */
export function* tarOfObjects(objects: Iterable<CopyObject>): Generator<Uint8Array, void, undefined> {
  let isContent = false;
  for (const object of objects) {
    isContent ||= object.name === "";
    const name = (isContent ? `./${object.name}` : object.name) as ByteString;
    const linkName = (isContent && object.type === "hardlink" ? `./${object.linkName}` : object.linkName) as ByteString;
    const slash = object.type === "directory" && !name.endsWith("/") ? "/" : "";
    yield goHeader({ ...object, name: `${name}${slash}` as ByteString, linkName });
    if (object.size === 0) continue;
    yield* contentOf(object);
    yield padding(object.size);
  }
  yield END_OF_ARCHIVE;
}

/** As many bytes as the header says: a file may grow or shrink while it is read. */
function* contentOf({ name, size, content }: CopyObject): Generator<Uint8Array, void, undefined> {
  using source = content();
  for (let rest = size; rest > 0; ) {
    const bytes = source.read();
    if (bytes === null) {
      const shown = displayName(name);
      throw new OvlError("IO", `${shown} became ${rest} bytes shorter while it was read; stop what writes to it`, {
        path: shown,
      });
    }
    const wanted = bytes.length > rest ? bytes.subarray(0, rest) : bytes;
    rest -= wanted.length;
    yield wanted;
  }
}
