/**
 * What docker mounts over the layers of a container and shows to its cp: volumes, bind mounts, and the three files that
 * it makes for each container. The first two lie where only the user may say that they are read or written.
 */
import { join } from "node:path";
import { OvlError } from "../errors.js";
import { parentOf } from "../layer/jail.js";
import { type ByteString, byteStringOf } from "../model/bytes.js";
import { isJsonObject, type JsonObject } from "../model/go-shape.js";
import { shownPath } from "../rootfs/entry.js";
import type { Located } from "../rootfs/locate.js";
import { Union, type UnionWarning } from "../rootfs/union.js";
import type { Container } from "../store/mounts.js";
import type { Store } from "../store/store.js";
import { cleanPath } from "../tar/clean.js";
import { labelOf } from "./label.js";

/** What config.v2.json calls the place of a file, and what docker mounts it on. */
const FILES = [
  ["ResolvConfPath", "/etc/resolv.conf"],
  ["HostnamePath", "/etc/hostname"],
  ["HostsPath", "/etc/hosts"],
] as const;

/** The root may have moved since, and where else a path leads is not asked: this is what lies in the root. */
const IN_ROOT = /\/containers\/([0-9a-f]{64}\/(?:resolv\.conf|hostname|hosts))$/;

interface Foreign {
  /** What is mounted, in words. */
  readonly what: string;
  /** On this machine; null where only the volume's driver knows. */
  readonly place: string | null;
}

export class CopyMounts implements Disposable {
  readonly #who: string;
  readonly #foreign = new Map<ByteString, Foreign>();
  readonly #files = new Map<ByteString, Located>();
  /** ROOT/containers, in which no symlink is followed. */
  readonly #containers: Union;

  /** @param union of the container's layers: symlinks in them lead to where docker mounts. Throws as `Union`. */
  constructor(store: Store, { id, name, config }: Container, union: Union) {
    this.#who = labelOf({ id, name });
    this.#containers = new Union([join(store.root, "containers")]);
    try {
      for (const [destination, point] of mountPoints(config)) {
        this.#foreign.set(pathIn(union, destination), foreignOf(store, point));
      }
      for (const [key, destination] of FILES) this.#addFile(config[key], pathIn(union, destination), union);
    } catch (thrown) {
      this[Symbol.dispose]();
      throw thrown;
    }
  }

  #addFile(source: unknown, path: ByteString, union: Union): void {
    if (typeof source !== "string" || source === "" || this.#foreign.has(path)) return;
    const [, name] = IN_ROOT.exec(source) ?? [];
    if (name === undefined) {
      this.#foreign.set(path, { what: "a bind mount", place: source });
      return;
    }
    using shown = union.locate(path, "none");
    const found = this.#containers.locate(byteStringOf(name), "none");
    // docker mounts no file on a directory, and does without one that is lost.
    if (found.entry?.type === "file" && shown.entry?.type !== "directory") this.#files.set(path, found);
    else found[Symbol.dispose]();
  }

  /**
   * Lets the union's paths lead to nothing that is mounted, from here on.
   * @param doing `read` lets them lead to the three files: see `fileAt`
   * The union then throws USAGE.
   */
  guard(union: Union, doing: "read" | "write"): void {
    union.guard = (path) => {
      for (let at = path; at !== ""; at = parentOf(at)) {
        const foreign = this.#foreign.get(at);
        if (foreign !== undefined) throw this.#refused(at, foreign, doing);
        if (doing === "write" && this.#files.has(at)) throw this.#ownFile(at);
      }
    };
  }

  /** What docker shows in the place of a file of the layers, if it is one of the three. */
  fileAt(path: ByteString): Located | null {
    return this.#files.get(path) ?? null;
  }

  /** What of a directory is not what docker would show. */
  warningsBelow(directory: ByteString): UnionWarning[] {
    const prefix = directory === "" ? "" : `${directory}/`;
    return [...this.#foreign].flatMap(([at, { what, place }]) => {
      if (!at.startsWith(prefix)) return [];
      const [path, where] = [shownPath(at), place === null ? "" : `, and its files are in ${place}`];
      const message = `${path} is copied as the layers have it: ${what}, which ${this.#who} has there, is left out${where}`;
      return [{ code: "LEFT_OUT", path, message } as const];
    });
  }

  #refused(at: ByteString, { what, place }: Foreign, doing: "read" | "write"): OvlError {
    const path = shownPath(at);
    const advice = place === null ? "use docker cp" : `copy ${doing === "read" ? "from" : "to"} ${place} instead`;
    const message = `${path} of ${this.#who} is ${what}, and ovl cp ${doing}s only what is in the layers; ${advice}`;
    return new OvlError("USAGE", message, { path, ...(place === null ? {} : { place }) });
  }

  #ownFile(at: ByteString): OvlError {
    const path = shownPath(at);
    const message = `${path} of ${this.#who} is a file that docker makes and mounts there: in the layers it would never show; nothing is copied to it`;
    return new OvlError("USAGE", message, { path });
  }

  [Symbol.dispose](): void {
    for (const file of this.#files.values()) file[Symbol.dispose]();
    this.#containers[Symbol.dispose]();
  }
}

/** What nobody has checked. A tmpfs is there only while the container runs: docker's cp does without it. */
function mountPoints(config: JsonObject): [destination: string, point: JsonObject][] {
  const points = isJsonObject(config["MountPoints"]) ? Object.entries(config["MountPoints"]) : [];
  return points.flatMap(([key, point]) => {
    if (!isJsonObject(point) || point["Type"] === "tmpfs") return [];
    return [[typeof point["Destination"] === "string" ? point["Destination"] : key, point]];
  });
}

function foreignOf(store: Store, { Name, Driver, Source }: JsonObject): Foreign {
  const source = typeof Source === "string" && Source !== "" ? Source : null;
  if (typeof Name !== "string" || Name === "") return { what: "a bind mount", place: source };
  return {
    what: `the volume ${Name}`,
    place: Driver === "local" ? join(store.root, "volumes", Name, "_data") : source,
  };
}

/** Where docker mounts: symlinks on the way are followed inside the container. */
function pathIn(union: Union, destination: string): ByteString {
  const path = cleanPath(byteStringOf(`/${destination}`));
  try {
    using found = union.locate(path, "all");
    return found.path;
  } catch (thrown) {
    // Symlinks in a circle lead nowhere, for docker too.
    if (thrown instanceof OvlError && thrown.code === "NOT_FOUND") return path.slice(1) as ByteString;
    throw thrown;
  }
}
