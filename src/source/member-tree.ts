/**
 * The directory that an archive would make, without making it. Members are placed as dockerd's unpacking places
 * them (in a chroot, later members replacing earlier ones), and looked up as its loader does, which follows
 * symlinks without ever leaving the archive (FollowSymlinkInScope of moby/sys).
 */
import { OvlError } from "../errors.js";
import { type ByteString, byteStringOf, displayName } from "../model/bytes.js";

export type Member =
  | { readonly kind: "file"; readonly offset: number; readonly size: number }
  | { readonly kind: "symlink"; readonly target: ByteString }
  | { readonly kind: "directory"; readonly children: Map<ByteString, Member> }
  /** Something else that has a name: a device, a FIFO, a sparse file. `what` is for messages. */
  | { readonly kind: "other"; readonly what: string };

type Directory = Extract<Member, { kind: "directory" }>;

/** Symlinks followed for one name: the kernel's bound, which unpacking meets. */
const MAX_LINKS = 40;
/** Steps of one look-up: the bound of FollowSymlinkInScope. */
const MAX_STEPS = 255;

export class MemberTree {
  readonly root: Directory = directory();
  readonly #location: string;

  constructor(location: string) {
    this.#location = location;
  }

  /** Puts a member where unpacking would. Directories merge; everything else replaces what is there. */
  place(name: ByteString, member: Member): void {
    const at = this.#slot(name);
    if (at === null) return; // the root itself
    const before = at.parent.children.get(at.name);
    if (before?.kind === "directory" && member.kind === "directory") return;
    at.parent.children.set(at.name, member);
  }

  /** A hard link: another name of the very member. Its target must be there already. */
  link(name: ByteString, target: ByteString): void {
    const from = this.#parent(target, false);
    const member = from?.parent.children.get(from.name);
    if (member === undefined || member.kind === "directory") {
      throw this.#bad(`${quoted(name)} is a hard link to ${quoted(target)}, which is no file before it`, name);
    }
    this.place(name, member);
  }

  /** The member that a path of the loader means; null where there is none. Throws PATH_ESCAPE, BAD_ARCHIVE. */
  find(path: string): Member | null {
    const wanted = byteStringOf(path);
    // filepath.Join cleans before anyone looks: what climbs out does so by its text alone.
    let left = cleaned(wanted.split("/"), (): never => {
      throw new OvlError("PATH_ESCAPE", `${this.#location}: path ${quoted(wanted)} leaves the archive`, { path });
    });
    const found: ByteString[] = [];
    let inDirectory = false;
    for (let steps = 0; left.length > 0; steps++) {
      if (steps > MAX_STEPS) throw this.#bad(`too many symbolic links in ${quoted(wanted)}`, wanted);
      const [component, ...rest] = left as [ByteString, ...ByteString[]];
      left = rest;
      if (component === "..") {
        found.pop();
        continue;
      }
      const member = this.#at([...found, component]);
      if (member?.kind !== "symlink") {
        found.push(component);
        continue;
      }
      if (member.target.startsWith("/")) found.length = 0;
      // A target that ends so is a directory's, and so is what it leads to in the end.
      inDirectory ||= rest.length === 0 && /(^|\/)\.?$/.test(member.target);
      left = [...components(member.target), ...rest];
    }
    const reached = this.#at(found);
    return inDirectory && reached?.kind !== "directory" ? null : reached;
  }

  #at(path: readonly ByteString[]): Member | null {
    let member: Member | undefined = this.root;
    for (const component of path) {
      if (member?.kind !== "directory") return null;
      member = member.children.get(component);
    }
    return member ?? null;
  }

  /** Where a member of this name goes; null for the root. Makes missing parents. */
  #slot(name: ByteString): { parent: Directory; name: ByteString } | null {
    return this.#parent(name, true);
  }

  /** The directory that holds `name`, intermediate symlinks followed inside the tree as in a chroot. */
  #parent(name: ByteString, make: boolean): { parent: Directory; name: ByteString } | null {
    // A ".." at the start stays at the root, as in a chroot.
    const path = cleaned(name.split("/"), () => {});
    const last = path.pop();
    if (last === undefined) return null;
    const stack = [this.root];
    this.#descend(stack, path, make, { links: MAX_LINKS, name });
    return { parent: stack.at(-1) as Directory, name: last };
  }

  /** Extends the stack of directories by a path. What a symlink leads through must be there, and is never made. */
  #descend(
    stack: Directory[],
    path: readonly ByteString[],
    make: boolean,
    left: { links: number; readonly name: ByteString },
  ): void {
    for (const component of path) {
      if (component === "..") {
        if (stack.length > 1) stack.pop();
        continue;
      }
      const { children } = stack.at(-1) as Directory;
      const member = children.get(component) ?? (make ? directory() : undefined);
      switch (member?.kind) {
        case "directory":
          children.set(component, member);
          stack.push(member);
          break;
        case "symlink":
          if (left.links-- === 0)
            throw this.#bad(`too many symbolic links on the way to ${quoted(left.name)}`, left.name);
          if (member.target.startsWith("/")) stack.length = 1;
          this.#descend(stack, components(member.target), false, left);
          break;
        default:
          throw this.#bad(`${quoted(left.name)} lies below something that is no directory`, left.name);
      }
    }
  }

  #bad(reason: string, name: ByteString): OvlError {
    return new OvlError("BAD_ARCHIVE", `${this.#location}: ${reason}`, { path: displayName(name) });
  }
}

export function directory(): Directory {
  return { kind: "directory", children: new Map() };
}

function components(path: ByteString): ByteString[] {
  return path.split("/").filter((part) => part !== "" && part !== ".") as ByteString[];
}

/** Go's filepath.Clean of an absolute path, in components; `onClimb` is called for each ".." at the root. */
function cleaned(parts: readonly string[], onClimb: () => void): ByteString[] {
  const path: ByteString[] = [];
  for (const part of parts) {
    if (part === "" || part === ".") continue;
    if (part !== "..") path.push(part as ByteString);
    else if (path.pop() === undefined) onClimb();
  }
  return path;
}

function quoted(name: ByteString): string {
  return `"${displayName(name)}"`;
}
