/** What a `tar-split.json.gz` says, line by line, as text that two of them can be compared by. */
import { gunzipSync } from "node:zlib";

/**
 * Its entries, with neighbouring segments joined: where they are cut depends on buffer sizes, and nothing that
 * reads the file can tell.
 */
export function decodeTarSplit(bytes: Uint8Array): string[] {
  const lines = gunzipSync(bytes).toString("utf8").split("\n");
  const entries: string[] = [];
  let segment: Buffer[] = [];
  const flush = () => {
    const joined = Buffer.concat(segment);
    if (joined.length > 0) entries.push(`segment ${joined.length} ${joined.toString("base64")}`);
    segment = [];
  };
  if (lines.pop() !== "") entries.push("the last line has no newline");
  for (const [index, line] of lines.entries()) {
    const { type, name, name_raw, size, payload, position, ...rest } = JSON.parse(line);
    if (position !== index) entries.push(`line ${index} claims position ${position}`);
    if (Object.keys(rest).length > 0) entries.push(`line ${index} has keys ${Object.keys(rest)}`);
    if (type === 2) {
      segment.push(Buffer.from(payload, "base64"));
      continue;
    }
    flush();
    entries.push(`entry ${JSON.stringify({ type, name, name_raw, size, payload })}`);
  }
  flush();
  return entries;
}
