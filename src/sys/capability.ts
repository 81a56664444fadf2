/** File capabilities as docker puts them into archives: moby pkg/archive, ReadSecurityXattrToTarHeader. */
import { type ByteString, byteStringOf } from "../model/bytes.js";
import { getXattrAt } from "./xattr.js";

export const CAPABILITY: ByteString = byteStringOf("security.capability");

/** struct vfs_ns_cap_data, little-endian: the version in the topmost byte of the first word; version 2 has 20 bytes. */
const VERSION_AT = 3;
const VERSION_2_BYTES = 20;

/**
 * Of an object by name in an open directory; null where it has none or none can be read. Version 3 names the user
 * namespace's root, which means nothing in another place: it is made version 2.
 */
export function portableCapabilityAt(dir: number, name: ByteString): Uint8Array | null {
  const value = getXattrAt(dir, name, CAPABILITY);
  if (value === null || typeof value === "number" || value[VERSION_AT] !== 3) {
    return typeof value === "number" ? null : value;
  }
  const version2 = value.slice(0, VERSION_2_BYTES);
  version2[VERSION_AT] = 2;
  return version2;
}
