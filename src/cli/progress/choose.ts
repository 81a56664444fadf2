/** Which display the flags and the terminal ask for. */
import type { LayerProgress } from "../../layer/progress.js";

export type ProgressMode = "auto" | "tty" | "plain" | "none";

type Display = LayerProgress & Disposable;

/** Loads only what is shown: most runs show nothing. */
export async function progressFor(mode: ProgressMode, noColor: boolean, verb: string): Promise<Display> {
  const stream = process.stderr;
  switch (mode) {
    case "auto":
      return stream.isTTY === true && process.env["TERM"] !== "dumb" ? bars(stream, noColor, verb) : SILENT;
    case "tty":
      return bars(stream, noColor, verb);
    case "plain":
      return new (await import("./plain.js")).PlainDisplay(stream);
    case "none":
      return SILENT;
  }
}

async function bars(stream: NodeJS.WriteStream, noColor: boolean, verb: string): Promise<Display> {
  const [{ BarsDisplay }, { paint }] = await Promise.all([import("./bars.js"), import("../color.js")]);
  return new BarsDisplay(stream, { color: paint(stream, noColor), unicode: speaksUtf8(), verb });
}

/** As setlocale decides: the first of these that is set. */
function speaksUtf8(): boolean {
  const { LC_ALL, LC_CTYPE, LANG } = process.env;
  return /utf-?8/i.test(LC_ALL || LC_CTYPE || LANG || "");
}

const SILENT: Display = {
  waiting() {},
  working() {},
  finished() {},
  [Symbol.dispose]() {},
};
