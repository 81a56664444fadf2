/**
 * What a library must do for gzip: decode the body of one member, that is the deflate stream and the
 * CRC-32 and length behind it (RFC 1952, 2.3), which it checks. Headers are ours, so that all libraries
 * accept and refuse the same ones.
 */
export interface MemberDecoder {
  /** Begins a member; whatever came before is forgotten. */
  start(): void;
  /** As `Inflater.step`, but never past the end of the member. */
  step(input: Uint8Array, output: Uint8Array): MemberStep;
  close(): void;
}

export interface MemberStep {
  readonly read: number;
  readonly written: number;
  /** The trailer was read to its last byte, and agrees. */
  readonly end: boolean;
  /** What the library says of damaged data; null while all is well. */
  readonly problem: string | null;
}

export interface DeflateEngine {
  /** For people: `isa-l`, `zlib 1.3.1`. */
  readonly name: string;
  open(): MemberDecoder;
}

/** A dynamic-Huffman member of SAMPLE_TEXT without its header. */
const SAMPLE = Buffer.from(
  "hZNBCgMhDEX3PYUH6MLEGPU4Q2uh4CAMQ2FuX+i+vvXH78/Lz9iufoQY5ivMTz/Gduk9POa+v8+zP2/jJ8tatrXcwNzXuua1nuC9wf8O8StML5HoKTmYESJi2AgiUdRMDhUyJDVaFPWISJqRQ4UMWWGKXICDE0knh0IZCk1RiUMjks2x1bROidQIESqVYC9FqdqS8DoMDyz/v9EvjfbXgSIFAAA=",
  "base64",
);
const SAMPLE_TEXT = Array.from({ length: 40 }, (_, i) => `layer ${i * i} of overlay2, committed\n`).join("");

/**
 * Whether an engine can be trusted on this machine. Its structures are addressed by offset, and a library
 * of another version could have others: a known member must decode through pieces too small for any shortcut,
 * and be refused when its checksum is wrong.
 */
export function passesSelfTest(engine: DeflateEngine): boolean {
  const decoder = engine.open();
  try {
    const wrong = Buffer.from(SAMPLE);
    wrong.writeUInt8(wrong.readUInt8(wrong.length - 8) ^ 1, wrong.length - 8);
    return decodeInPieces(decoder, SAMPLE) === SAMPLE_TEXT && decodeInPieces(decoder, wrong) === null;
  } catch {
    return false;
  } finally {
    decoder.close();
  }
}

/** The text of a member, or null where the decoder finds it damaged or does not come to its end. */
function decodeInPieces(decoder: MemberDecoder, member: Uint8Array): string | null {
  const output = Buffer.alloc(13);
  let text = "";
  let position = 0;
  decoder.start();
  for (let turn = 0; turn < SAMPLE_TEXT.length; turn++) {
    const step = decoder.step(member.subarray(position, position + 7), output);
    position += step.read;
    text += output.toString("latin1", 0, step.written);
    if (step.problem !== null) return null;
    if (step.end) return position === member.length ? text : null;
  }
  return null;
}
