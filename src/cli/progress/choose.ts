/** Which display the flags and the terminal ask for. */
import type { LayerProgress } from "../../layer/progress.js";
import { paint } from "../color.js";
import { BarsDisplay } from "./bars.js";
import { PlainDisplay } from "./plain.js";

export type ProgressMode = "auto" | "tty" | "plain" | "none";

export function progressFor(mode: ProgressMode, noColor: boolean, verb: string): LayerProgress & Disposable {
  const stream = process.stderr;
  switch (mode) {
    case "auto":
      return stream.isTTY === true && process.env["TERM"] !== "dumb" ? bars(stream, noColor, verb) : SILENT;
    case "tty":
      return bars(stream, noColor, verb);
    case "plain":
      return new PlainDisplay(stream);
    case "none":
      return SILENT;
  }
}

function bars(stream: NodeJS.WriteStream, noColor: boolean, verb: string): BarsDisplay {
  return new BarsDisplay(stream, { color: paint(stream, noColor), unicode: speaksUtf8(), verb });
}

/** As setlocale decides: the first of these that is set. */
function speaksUtf8(): boolean {
  const { LC_ALL, LC_CTYPE, LANG } = process.env;
  return /utf-?8/i.test(LC_ALL || LC_CTYPE || LANG || "");
}

const SILENT: LayerProgress & Disposable = {
  waiting() {},
  working() {},
  finished() {},
  [Symbol.dispose]() {},
};
