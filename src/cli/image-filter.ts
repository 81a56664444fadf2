/** `ovl images [NAME] --filter KEY=VALUE…` as the store's filter. */
import { OvlError } from "../errors.js";
import type { ImageFilter } from "../store/images.js";

/** Throws USAGE. */
export function imageFilter(
  name: string | undefined,
  flags: { readonly all: boolean; readonly filter?: readonly string[] | undefined },
): ImageFilter {
  const references = name === undefined ? [] : [name];
  let dangling: boolean | null = null;
  for (const text of flags.filter ?? []) {
    const at = text.indexOf("=");
    const [key, value] = [text.slice(0, at), text.slice(at + 1)];
    if (key === "reference") references.push(value);
    else if (key === "dangling") dangling = truth(value, text);
    else throw unknownFilter(text);
  }
  return { all: flags.all, dangling, references };
}

/** What docker takes for a truth value here. */
function truth(value: string, text: string): boolean {
  if (/^(?:1|true)$/i.test(value)) return true;
  if (/^(?:0|false)$/i.test(value)) return false;
  throw unknownFilter(text);
}

function unknownFilter(text: string): OvlError {
  const known = "dangling=true|false, reference=GLOB";
  return new OvlError("USAGE", `unknown filter ${JSON.stringify(text)}; there are ${known}`, { filter: text });
}
