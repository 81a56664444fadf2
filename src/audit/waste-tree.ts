/** The tree that an image's layers make, one on the other, and what each layer hides of those below. */
import type { ListedEntry } from "../layer/job.js";
import type { ByteString } from "../model/bytes.js";
import { baseName } from "../tar/clean.js";
import { OPAQUE, RESERVED, WHITEOUT } from "../tar/whiteout.js";

/** The bytes of one file in one layer, however many names it has there. */
export interface Content {
  readonly size: number;
  /** The same for the same bytes, as far as size and CRC-64 tell. */
  readonly key: string;
  /** Index of the layer that has it. */
  readonly layer: number;
  names: number;
}

interface Node {
  /** null for what is no directory. */
  children: Map<string, Node> | null;
  content: Content | null;
  /** Whether it is counted as the file's own name: hard links are not. */
  readonly first: boolean;
}

/** A name that a layer has taken away, or given to something else. */
export interface Hidden {
  readonly path: ByteString;
  readonly content: Content;
}

/** What a layer did to the tree below it. */
export interface LayerEffect {
  readonly hidden: readonly Hidden[];
  /** What the layer itself has, by path; null for what is no file with bytes. */
  readonly added: ReadonlyMap<ByteString, Content | null>;
  /** Whiteouts, and the bytes of the files that were below them where they hid a directory. */
  readonly deleted: readonly { readonly path: ByteString; readonly bytes: number }[];
}

export class LayerTree {
  readonly #root: Node = directory();
  #layer = -1;

  /** Whiteouts act on the layers below, wherever in the tar they stand. */
  apply(entries: readonly ListedEntry[]): LayerEffect {
    this.#layer++;
    const hidden: Hidden[] = [];
    const deleted: { path: ByteString; bytes: number }[] = [];
    const added = new Map<ByteString, Content | null>();
    for (const { path } of entries) this.#whiteout(path, hidden, deleted);
    for (const entry of entries) {
      if (baseName(entry.path).startsWith(WHITEOUT)) continue;
      const content = this.#add(entry, hidden);
      added.set(entry.path, content);
    }
    return { hidden, added, deleted };
  }

  #whiteout(path: ByteString, hidden: Hidden[], deleted: { path: ByteString; bytes: number }[]): void {
    const base = baseName(path);
    if (!base.startsWith(WHITEOUT)) return;
    const parent = path.slice(0, Math.max(0, path.length - base.length - 1)) as ByteString;
    if (base === OPAQUE) {
      const node = parent === "" ? this.#root : this.#find(parent);
      if (node?.children == null) return;
      for (const [name, child] of node.children) collect(child, join(parent, name), hidden);
      node.children.clear();
      return;
    }
    if (base.startsWith(RESERVED)) return;
    const target = join(parent, base.slice(WHITEOUT.length));
    const node = this.#find(target);
    deleted.push({ path: target, bytes: node?.children == null ? 0 : bytesIn(node) });
    if (node === null) return;
    collect(node, target, hidden);
    this.#parentOf(target)?.children?.delete(baseName(target));
  }

  #add({ path, kind, size, crc64, target }: ListedEntry, hidden: Hidden[]): Content | null {
    const parent = this.#makeParent(path, hidden);
    const name = baseName(path);
    const before = parent.get(name);
    if (kind === "directory") {
      if (before?.children == null) {
        if (before !== undefined) collect(before, path, hidden);
        parent.set(name, directory());
      }
      return null;
    }
    const linked = kind === "link" && target !== null ? (this.#find(target)?.content ?? null) : null;
    const content = kind === "file" ? { size, key: `${size}:${crc64}`, layer: this.#layer, names: 0 } : linked;
    if (content !== null) content.names++;
    if (before !== undefined) collect(before, path, hidden);
    parent.set(name, { children: null, content, first: kind === "file" });
    return content !== null && content.size > 0 ? content : null;
  }

  /** Directories that a tar does not name are there all the same. */
  #makeParent(path: ByteString, hidden: Hidden[]): Map<string, Node> {
    let children = this.#root.children as Map<string, Node>;
    let at = "";
    for (const part of path.split("/").slice(0, -1)) {
      at = join(at as ByteString, part);
      let node = children.get(part);
      if (node?.children == null) {
        if (node !== undefined) collect(node, at as ByteString, hidden);
        node = directory();
        children.set(part, node);
      }
      children = node.children as Map<string, Node>;
    }
    return children;
  }

  #find(path: ByteString): Node | null {
    let node: Node | undefined = this.#root;
    for (const part of path.split("/")) node = node?.children?.get(part);
    return node ?? null;
  }

  #parentOf(path: ByteString): Node | null {
    const at = path.lastIndexOf("/");
    return at < 0 ? this.#root : this.#find(path.slice(0, at) as ByteString);
  }
}

function directory(): Node {
  return { children: new Map(), content: null, first: false };
}

// No recursion: a tar's paths are as deep as it likes.
function collect(node: Node, path: ByteString, hidden: Hidden[]): void {
  const pending: [Node, ByteString][] = [[node, path]];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const [{ children, content }, at] = next;
    if (content !== null) hidden.push({ path: at, content });
    for (const [name, child] of children ?? []) pending.push([child, join(at, name)]);
  }
}

function bytesIn(node: Node): number {
  let bytes = 0;
  const pending = [node];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (next.first) bytes += next.content?.size ?? 0;
    for (const child of next.children?.values() ?? []) pending.push(child);
  }
  return bytes;
}

function join(directory: ByteString, name: string): ByteString {
  return (directory === "" ? name : `${directory}/${name}`) as ByteString;
}
