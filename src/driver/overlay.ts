/**
 * The legacy overlay storage driver, which every image layer gives a complete tree: `overlay/<cache-id>/root`;
 * a container has `lower-id`, `upper` and `work`. Reading and removing only: no layer is made here.
 */
import { basename, join, relative } from "node:path";
import { OvlError } from "../errors.js";
import { type CacheId, isCacheId } from "../model/digest.js";
import type { DirectoryProblem, Driver, GraphData, MountPlan } from "./driver.js";
import { namesIn, readId } from "./files.js";
import { isDirectory, obstacleToContent } from "./is-directory.js";
import { removeTree } from "./remove-tree.js";

export class Overlay implements Driver {
  readonly name = "overlay";
  readonly home: string;

  constructor(root: string) {
    this.home = join(root, "overlay");
  }

  create(cacheId: CacheId): string {
    throw new OvlError(
      "BAD_ROOT",
      `cannot make layer ${this.dir(cacheId)}: ovl only reads roots of the overlay driver`,
      {
        path: this.home,
      },
    );
  }

  recreate(cacheId: CacheId): void {
    this.create(cacheId);
  }

  remove(cacheId: CacheId): void {
    removeTree(this.dir(cacheId));
  }

  dir(cacheId: CacheId): string {
    return join(this.home, cacheId);
  }

  contentDir(cacheId: CacheId): string {
    const root = join(this.home, cacheId, "root");
    // `root` wins where a crash left both.
    return isDirectory(root) || !isDirectory(join(this.home, cacheId, "upper"))
      ? root
      : join(this.home, cacheId, "upper");
  }

  has(cacheId: CacheId): boolean {
    return isDirectory(this.home) && isDirectory(this.dir(cacheId)) && isDirectory(this.contentDir(cacheId));
  }

  list(): CacheId[] {
    return isDirectory(this.home) ? namesIn(this.home).filter(isCacheId) : [];
  }

  link(): null {
    return null;
  }

  lowerDirs(cacheId: CacheId): string[] {
    if (!isDirectory(this.dir(cacheId)) || isDirectory(join(this.dir(cacheId), "root"))) return [];
    const path = join(this.dir(cacheId), "lower-id");
    const lower = readId(path);
    if (lower === null) return [];
    if (!isCacheId(lower)) {
      throw new OvlError("BAD_ROOT", `${path} holds ${JSON.stringify(lower)}; expected the name of a layer`, { path });
    }
    return [join(this.dir(lower), "root")];
  }

  mountPlan(cacheId: CacheId, readOnly: boolean): MountPlan {
    const [below] = this.lowerDirs(cacheId);
    if (below === undefined) {
      if (readOnly) return { kind: "bind", source: `${cacheId}/${basename(this.contentDir(cacheId))}` };
      const path = join(this.dir(cacheId), "lower-id");
      throw new OvlError("BAD_ROOT", `${path} is missing; expected the layer below a container's own`, { path });
    }
    const lower = relative(this.home, below);
    if (readOnly) return { kind: "overlay", lower: [`${cacheId}/upper`, lower], upper: null };
    return { kind: "overlay", lower: [lower], upper: { dir: `${cacheId}/upper`, work: `${cacheId}/work` } };
  }

  mergedDir(cacheId: CacheId): string {
    return join(this.dir(cacheId), "merged");
  }

  check(cacheId: CacheId): DirectoryProblem[] {
    const path = join(this.dir(cacheId), "root");
    const obstacle = obstacleToContent(path);
    if (obstacle === null) return [];
    const expected = "the directory of the layer's files";
    return [{ path, expected, actual: "nothing", message: `${path} ${obstacle}; expected ${expected}` }];
  }

  graphData(cacheId: CacheId): GraphData {
    const dir = this.dir(cacheId);
    if (!isDirectory(dir)) throw new OvlError("NOT_FOUND", `layer directory ${dir} is missing`, { path: dir });
    const root = join(dir, "root");
    if (isDirectory(root)) return { RootDir: root };
    return {
      LowerDir: this.lowerDirs(cacheId).join(":"),
      MergedDir: join(dir, "merged"),
      UpperDir: join(dir, "upper"),
      WorkDir: join(dir, "work"),
    };
  }
}
