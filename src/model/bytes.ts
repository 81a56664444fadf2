/**
 * Names on disk and in archives are bytes, not text. They are carried as strings with one char per byte
 * (Latin-1), which compare, split and hash like strings and turn back into the same bytes.
 */
declare const brand: unique symbol;
/** A byte string: every char is one byte, 0x00 to 0xff. Never print it as it is; use `displayName`. */
export type ByteString = string & { readonly [brand]: "ByteString" };

export function byteString(bytes: Uint8Array): ByteString {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1") as ByteString;
}

const ASCII = /^[\x00-\x7f]*$/;

/** U+DC80 to U+DCFF, which no text has alone, stand for bytes that are not UTF-8: as in Python's `surrogateescape`. */
const ESCAPED = /([\udc80-\udcff])/u;
const ESCAPE = 0xdc00;

/** The byte string whose bytes are the UTF-8 encoding of text, but for those that `escapedText` has escaped. */
export function byteStringOf(text: string): ByteString {
  if (ASCII.test(text)) return text as ByteString;
  const parts = text.split(ESCAPED).map((part, i) => {
    return i % 2 === 0
      ? Buffer.from(part, "utf8").toString("latin1")
      : String.fromCharCode(part.charCodeAt(0) - ESCAPE);
  });
  return parts.join("") as ByteString;
}

const CHARACTER =
  /[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}|([\x80-\xff])/g;

/** Text of which `byteStringOf` makes the same bytes again, whatever they are. */
export function escapedText(name: ByteString): string {
  return name.replace(CHARACTER, (found, byte?: string) =>
    byte === undefined
      ? Buffer.from(found, "latin1").toString("utf8")
      : String.fromCharCode(ESCAPE + byte.charCodeAt(0)),
  );
}

export function bytesOf(name: ByteString): Buffer {
  return Buffer.from(name, "latin1");
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** The text of a byte string when it is valid UTF-8, else null. */
export function utf8Of(name: ByteString): string | null {
  if (ASCII.test(name)) return name;
  try {
    return utf8.decode(bytesOf(name));
  } catch {
    return null;
  }
}

/**
 * A name as it may be shown: UTF-8 where it is, `\xNN` for every other byte, and control characters
 * escaped, so that no escape sequence of an archive reaches a terminal.
 */
export function displayName(name: ByteString): string {
  const text = utf8Of(name) ?? name.replace(/[\x80-\xff]/g, hexEscape);
  // C0, DEL, C1, and the bidirectional and line-separator controls that can rewrite what a person reads.
  return text.replace(/[\x00-\x1f\x7f\u0080-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, (c) =>
    c.charCodeAt(0) < 0x100 ? hexEscape(c) : `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function hexEscape(char: string): string {
  return `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`;
}
