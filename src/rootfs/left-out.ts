/** What cannot be made here, counted, and told once. */
import type { ByteString } from "../model/bytes.js";
import { shownPath } from "./entry.js";

export type Omission = "owner" | "device" | "attribute" | "content shared";

const WORDS: Readonly<Record<Omission, readonly [one: string, many: string]>> = {
  owner: ["the owner of one file", "the owners of %d files"],
  device: ["one device", "%d devices"],
  attribute: ["one extended attribute", "%d extended attributes"],
  "content shared": [
    "sharing the content of one file, which was copied",
    "sharing the content of %d files, which were copied",
  ],
};

export class LeftOut {
  readonly #counts = new Map<Omission, { count: number; readonly first: ByteString }>();

  add(what: Omission, path: ByteString): void {
    const known = this.#counts.get(what);
    if (known === undefined) this.#counts.set(what, { count: 1, first: path });
    else known.count++;
  }

  /** One, or none. */
  warnings(): { readonly code: "LEFT_OUT"; readonly message: string }[] {
    if (this.#counts.size === 0) return [];
    const parts = [...this.#counts].map(([what, { count, first }]) => {
      const [one, many] = WORDS[what];
      return count === 1
        ? `${one} (${shownPath(first)})`
        : `${many.replace("%d", String(count))} (the first: ${shownPath(first)})`;
    });
    return [
      { code: "LEFT_OUT", message: `left out, as it cannot be done here or not without root: ${parts.join("; ")}` },
    ];
  }
}
