/** Answers too long for memory: a line at a time to stdout, as fast as it takes them. */
import { Pace } from "../rootfs/pace.js";

/** Characters that are written at once. */
const CHUNK = 64 * 1024;

/** Ends quietly where the reader has seen enough (`ovl files app | head`). Throws the signal's reason. */
export async function writeStream<T>(
  items: Iterable<T>,
  line: (item: T) => string,
  signal: AbortSignal,
): Promise<void> {
  const pace = new Pace(signal);
  let chunk = "";
  for (const item of items) {
    chunk += `${line(item)}\n`;
    if (pace.isDue) await pace.rest();
    if (chunk.length < CHUNK) continue;
    if (!(await written(chunk))) return;
    chunk = "";
  }
  await written(chunk);
}

/** False where nobody reads any more. */
function written(text: string): Promise<boolean> {
  return new Promise((resolve) => process.stdout.write(text, (error) => resolve(!error)));
}
