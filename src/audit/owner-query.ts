/** What people have in hand when they ask whose something is: text of any kind, to what it names in the root. */
import { resolve } from "node:path";
import type { DriverName } from "../driver/driver.js";

/** What a piece of text points at. */
export type Pointer =
  /** A directory below the driver's. */
  | { readonly at: "directory"; readonly name: string }
  /** A short name below `l/`. */
  | { readonly at: "link"; readonly name: string }
  | { readonly at: "layer" | "image"; readonly hex: string }
  | { readonly at: "container"; readonly id: string }
  /** No path: an id of whatever kind, its beginning, or a name. */
  | { readonly at: "word"; readonly text: string };

/** A name in a path ends at a slash, at what separates options and columns, or at a quote. */
const NAME = String.raw`([^/\s,:"'()\\]+)`;

/**
 * What a query may mean, the likeliest first. Where the root lay when the text was written does not matter: of a path
 * only what follows the driver's directory counts.
 * @param query a path, a line of `df`, `du`, `lsof`, `mount`, /proc/mounts or mountinfo, an id, a name
 */
export function pointers(query: string, driver: DriverName): Pointer[] {
  // /proc/mounts writes blanks and the like as three octal digits.
  const text = query.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
  const found: Pointer[] = [...mountOptions(text, driver), ...inPath(text, driver)];
  if (/\s|=/.test(text.trim())) return found;
  // As somebody types it who stands in the driver's directory.
  if (found.length === 0) found.push(...inPath(resolve(text), driver));
  if (found.length === 0 && text.includes("/")) found.push(...components(text));
  return [...found, { at: "word", text: text.trim() }];
}

/**
 * The topmost layer of an overlay mount is whose mount it is. Where options would not fit a page dockerd gives them
 * relative to the driver's directory.
 */
function mountOptions(text: string, driver: DriverName): Pointer[] {
  for (const option of ["upperdir", "lowerdir", "workdir"]) {
    const value = new RegExp(`(?:^|[\\s,(])${option}\\+?=([^\\s,:)]+)`).exec(text)?.[1];
    if (value === undefined) continue;
    const found = inPath(value, driver);
    if (found.length > 0) return found;
    const [first = "", second = ""] = value.split("/");
    if (!value.startsWith("/"))
      return [first === "l" ? { at: "link", name: second } : { at: "directory", name: first }];
  }
  return [];
}

function inPath(text: string, driver: DriverName): Pointer[] {
  const found: Pointer[] = [];
  const start = String.raw`(?:^|[/\s=:,"'(])`;
  const collect = (pattern: string, pointer: (name: string) => Pointer) => {
    for (const [, name = ""] of text.matchAll(new RegExp(`${start}${pattern}`, "g"))) found.push(pointer(name));
  };
  collect(`${driver}/l/${NAME}`, (name) => ({ at: "link", name }));
  collect(`${driver}/(?!l(?:/|$))(?!layerdb|imagedb|distribution|repositories\\.json)${NAME}`, (name) => ({
    at: "directory",
    name,
  }));
  collect(`layerdb/sha256/([0-9a-f]{64})`, (hex) => ({ at: "layer", hex }));
  collect(`layerdb/mounts/([0-9a-f]{64})`, (id) => ({ at: "container", id }));
  collect(`imagedb/(?:content|metadata)/sha256/([0-9a-f]{64})`, (hex) => ({ at: "image", hex }));
  collect(`containers/([0-9a-f]{64})`, (id) => ({ at: "container", id }));
  return found;
}

/** Of a path that does not show where it was: `<id>/diff/etc/passwd`, `l/ABC`. */
function components(text: string): Pointer[] {
  const parts = text.split("/").filter((part) => part !== "" && part !== ".");
  return parts.map((part, i) => (parts[i - 1] === "l" ? { at: "link", name: part } : { at: "directory", name: part }));
}
