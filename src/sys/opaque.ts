/**
 * The extended attribute by which overlayfs knows a directory that hides what lower layers have in it. Root's layers
 * have the one, those that were made without its rights (mount option `userxattr`) the other.
 */
import { type ByteString, byteStringOf } from "../model/bytes.js";
import { seesTrusted } from "./privilege.js";

export const ROOTS_MARK: ByteString = byteStringOf("trusted.overlay.opaque");
export const USERS_MARK: ByteString = byteStringOf("user.overlay.opaque");
/** The one that layers get from this process. */
export function ownMark(): ByteString {
  return seesTrusted() ? ROOTS_MARK : USERS_MARK;
}

/** Its value. */
export const YES = Buffer.from("y");

/** @param value of the attribute; null where there is none, or `-errno` */
export function isYes(value: Uint8Array | null | number): boolean {
  return value !== null && typeof value !== "number" && value.length === 1 && value[0] === YES[0];
}
