/** A docker root, opened: the parts of the store in one place, and the lock where it is opened for writing. */
import { join } from "node:path";
import type { Driver, DriverName } from "../driver/driver.js";
import { openDriver } from "../driver/open.js";
import { OvlError } from "../errors.js";
import { Distribution } from "./distribution.js";
import { ImageDb } from "./imagedb.js";
import { LayerDb } from "./layerdb.js";
import { Layout } from "./layout.js";
import { removeLeftovers } from "./leftovers.js";
import { daemonRuns, lockRoot, type RootLock, writerRuns } from "./lock.js";
import { type Container, type Mount, readContainers, readMounts } from "./mounts.js";
import { Repositories } from "./repositories.js";
import { examineRoot, type RootLayout } from "./root.js";
import { makeRoot, makeSkeleton } from "./skeleton.js";
import type { StoreWarning } from "./warning.js";

export interface StoreOptions {
  /** Absolute. */
  readonly root: string;
  /** null: the one that is found in the root, else overlay2. */
  readonly driver: DriverName | null;
  /** Refuse a root that is not there, with NOT_FOUND, instead of taking it for empty. Only for reading. */
  readonly mustExist?: boolean;
  /** Write although a live dockerd holds the root. */
  readonly force?: boolean;
  /** Ends the wait for the lock. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Opens a root. For reading nothing is locked, created or changed. For writing the root is made where it is
 * absent or empty, locked until the store is disposed, and cleared of what a killed process left.
 * Throws BAD_ROOT, USAGE (two drivers), LOCKED, DAEMON_RUNNING, NOT_FOUND, and INTERRUPTED where the signal ends the
 * wait.
 */
export async function openStore(options: StoreOptions, access: "read" | "write" = "read"): Promise<Store> {
  const { root } = options;
  const layout = examineRoot(root, options.driver);
  if (access === "read") {
    if (layout.kind === "absent" && options.mustExist) {
      throw new OvlError("NOT_FOUND", `there is no root at ${root}`, { root });
    }
    return new Store(root, layout, null);
  }
  makeRoot(root, layout.kind);
  const lock = await lockRoot(root, { force: options.force ?? false, signal: options.signal });
  try {
    // Looked at again: whoever had the lock before may have made the root.
    const locked = layout.kind === "docker" ? layout : examineRoot(root, options.driver);
    new Layout(root, locked.driver).refuseObstacles();
    makeSkeleton(root, locked.driver);
    const store = new Store(root, { ...locked, kind: "docker" }, lock);
    removeLeftovers(store);
    return store;
  } catch (thrown) {
    lock[Symbol.dispose]();
    throw thrown;
  }
}

export class Store implements AsyncDisposable {
  readonly root: string;
  readonly kind: RootLayout["kind"];
  readonly driver: Driver;
  readonly layout: Layout;
  readonly layers: LayerDb;
  readonly images: ImageDb;
  readonly repositories: Repositories;
  readonly distribution: Distribution;
  readonly #lock: RootLock | null;
  #users: { mounts: Mount[]; containers: Container[]; warnings: StoreWarning[] } | null = null;

  /** Use `openStore`. */
  constructor(root: string, layout: RootLayout, lock: RootLock | null) {
    this.root = root;
    this.kind = layout.kind;
    this.driver = openDriver(layout.driver, root);
    this.layout = new Layout(root, layout.driver);
    this.layers = new LayerDb(join(this.imagePath, "layerdb"), this.driver, this.layout);
    this.images = new ImageDb(join(this.imagePath, "imagedb"), this.layout);
    this.repositories = new Repositories(join(this.imagePath, "repositories.json"), this.layout);
    this.distribution = new Distribution(join(this.imagePath, "distribution"));
    this.#lock = lock;
  }

  /** ROOT/image/<driver> */
  get imagePath(): string {
    return join(this.root, "image", this.driver.name);
  }

  /** Whether a live dockerd works on this root. */
  get daemonRunning(): boolean {
    return this.#lock?.daemonRuns ?? daemonRuns(this.root);
  }

  /** Whether a live dockerd or another ovl may be writing to this root. */
  get isBeingWritten(): boolean {
    return this.daemonRunning || writerRuns(this.root);
  }

  /** Read-write layers and containers, read once. */
  get users(): {
    readonly mounts: readonly Mount[];
    readonly containers: readonly Container[];
    readonly warnings: readonly StoreWarning[];
  } {
    if (this.#users === null) {
      const { mounts, warnings } = readMounts(this.layers.path, this.layout);
      const read = readContainers(this.root, this.driver.name, mounts, {
        layout: this.layout,
        daemonRuns: () => this.daemonRunning,
      });
      this.#users = { mounts, containers: read.containers, warnings: [...warnings, ...read.warnings] };
    }
    return this.#users;
  }

  /** Takes note that a container is gone, without reading the others again. */
  userRemoved(containerId: string): void {
    if (this.#users === null) return;
    const { mounts, containers, warnings } = this.#users;
    this.#users = {
      mounts: mounts.filter((mount) => mount.containerId !== containerId),
      containers: containers.filter(({ id }) => id !== containerId),
      warnings: warnings.filter(({ subject }) => subject !== containerId),
    };
  }

  /** Takes note that something else has become of containers: `users` reads again. */
  usersChanged(): void {
    this.#users = null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#lock?.[Symbol.dispose]();
  }
}
