/** Objects as the tar that docker's cp gives for them. */
import type { ByteString } from "../model/bytes.js";
import { exactly } from "../rootfs/archived.js";
import { goHeader } from "../tar/go-header.js";
import { END_OF_ARCHIVE, padding } from "../tar/writer.js";
import type { CopyObject } from "./copy-objects.js";

/**
 * The bytes, in pieces that are valid until the next. Throws what reading throws; IO where a file shrinks meanwhile.
 */
export function* tarOfObjects(objects: Iterable<CopyObject>): Generator<Uint8Array, void, undefined> {
  let isContent = false;
  for (const object of objects) {
    isContent ||= object.name === "";
    const name = (isContent ? `./${object.name}` : object.name) as ByteString;
    const linkName = (isContent && object.type === "hardlink" ? `./${object.linkName}` : object.linkName) as ByteString;
    const slash = object.type === "directory" && !name.endsWith("/") ? "/" : "";
    yield goHeader({ ...object, name: `${name}${slash}` as ByteString, linkName });
    if (object.size === 0) continue;
    using content = object.content();
    yield* exactly(content, object.size, object.name);
    yield padding(object.size);
  }
  yield END_OF_ARCHIVE;
}
