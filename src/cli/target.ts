/** An argument that is an image of the root, or a SOURCE with images that are only read. */
import { existsSync } from "node:fs";
import { OvlError } from "../errors.js";
import type { ImageId } from "../model/digest.js";
import type { Platform } from "../model/platform.js";
import type { OnDamage } from "../source/damage.js";
import type { RegistryOptions } from "../source/registry/options.js";
import type { ImageSource, SourceImage } from "../source/source.js";
import type { Container } from "../store/mounts.js";
import type { Store } from "../store/store.js";
import { unlessInterrupted } from "./interrupt.js";

export type ImageTarget =
  | { readonly kind: "stored"; readonly target: string; readonly id: ImageId; readonly store: Store }
  | { readonly kind: "source"; readonly target: string; readonly id: ImageId; readonly image: SourceImage };

/** Keeps open what the images found through it need; opens the root only when a stored image is asked for. */
export class Targets implements AsyncDisposable {
  readonly #openStore: () => Promise<Store>;
  readonly #platform: Platform | null;
  readonly #registry: RegistryOptions;
  readonly #maxBytes: number | undefined;
  #store: Store | null = null;
  readonly #sources: ImageSource[] = [];

  /**
   * @param platform which image of a multi-platform source; null: this machine's
   * @param maxBytes that a compressed archive may unpack to
   */
  constructor(
    openStore: () => Promise<Store>,
    platform: Platform | null,
    registry: RegistryOptions,
    maxBytes?: number | undefined,
  ) {
    this.#openStore = openStore;
    this.#platform = platform;
    this.#registry = registry;
    this.#maxBytes = maxBytes;
  }

  /** The one image that an argument means. Throws AMBIGUOUS for a source that holds several. */
  async one(argument: string): Promise<ImageTarget> {
    const found = await this.all(argument);
    const [only, second] = found;
    if (only === undefined) throw holdsNone(argument);
    if (second === undefined) return only;
    const candidates = found.map((image) => (image.kind === "source" ? image.image.names[0] : undefined) ?? image.id);
    throw new OvlError(
      "AMBIGUOUS",
      `${argument} holds ${found.length} images: ${candidates.join(", ")}; ${this.#howToName(argument, found)}`,
      { target: argument, candidates },
    );
  }

  /** @param found in the source that was opened last */
  #howToName(argument: string, found: readonly ImageTarget[]): string {
    const { kind, location } = this.#sources.at(-1) as ImageSource;
    const [name] = found.flatMap((image) => (image.kind === "source" ? image.image.names : []));
    if (name === undefined && kind === "docker-archive") return "none of them has a name to ask for it by";
    // A layout may have labels that are no names of images.
    const one = `name one, as in ${kind}:${argument === "-" ? "FILE" : location}:${name ?? "NAME"}`;
    return argument === "-" ? `keep the archive in a file and ${one}` : one;
  }

  /** @param onDamage as of `ImageSource.images` */
  async all(argument: string, onDamage?: OnDamage): Promise<ImageTarget[]> {
    if (isSource(argument)) return this.#inSource(argument, onDamage);
    try {
      return [await this.#inStore(argument)];
    } catch (thrown) {
      // `app.tar` without a path could name either; the root comes first, as it does for docker.
      const missing = thrown instanceof OvlError && (thrown.code === "NOT_FOUND" || thrown.code === "USAGE");
      if (missing && existsSync(argument)) return this.#inSource(argument, onDamage);
      throw thrown;
    }
  }

  /** The container that an argument means; null where it means none, or a SOURCE. Throws AMBIGUOUS. */
  async container(argument: string): Promise<{ readonly store: Store; readonly container: Container } | null> {
    if (isSource(argument)) return null;
    const { findContainer } = await import("../store/resolve-container.js");
    try {
      this.#store ??= await this.#openStore();
    } catch (thrown) {
      // Without a root there are no containers; what else the argument may be is asked next.
      if (thrown instanceof OvlError && thrown.code === "NOT_FOUND") return null;
      throw thrown;
    }
    const container = findContainer(this.#store, argument);
    return container === null ? null : { store: this.#store, container };
  }

  /** As `noContainerOrImage`, where the argument is none of a SOURCE. */
  async missing(argument: string, thrown: unknown): Promise<unknown> {
    if (isSource(argument) || this.#store === null) return thrown;
    const { noContainerOrImage } = await import("../store/resolve-container.js");
    return noContainerOrImage(this.#store, argument, thrown);
  }

  /** Arguments that mean every image of the root, one each, those that only a name is left of too. Throws BAD_ROOT. */
  async everyStored(): Promise<string[]> {
    this.#store ??= await this.#openStore();
    const { images, repositories } = this.#store;
    images.refuseObstacle();
    return [...new Set([...images.ids(), ...repositories.list().map(({ id }) => id)])];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const source of this.#sources) await source[Symbol.asyncDispose]();
    await this.#store?.[Symbol.asyncDispose]();
  }

  async #inStore(argument: string): Promise<ImageTarget> {
    const { resolveImage } = await import("../store/resolve.js");
    this.#store ??= await this.#openStore();
    return { kind: "stored", target: argument, id: resolveImage(this.#store, argument), store: this.#store };
  }

  /** A pipe that says nothing for hours must not outlast a SIGINT. */
  #unlessStopped<T>(work: Promise<T>): Promise<T> {
    const { signal } = this.#registry;
    return signal === undefined ? work : unlessInterrupted(work, signal);
  }

  async #inSource(argument: string, onDamage: OnDamage | undefined): Promise<ImageTarget[]> {
    const { openSource } = await import("../source/open-source.js");
    const { source, name } = await this.#unlessStopped(openSource(argument, this.#registry, this.#maxBytes));
    this.#sources.push(source);
    const images = await this.#unlessStopped(source.images({ name, platform: this.#platform }, onDamage));
    return images.map((image) => ({ kind: "source", target: argument, id: image.id, image }));
  }
}

export function holdsNone(argument: string): OvlError {
  return new OvlError("NOT_FOUND", `${argument} holds no image`, { target: argument });
}

/** An argument that can only be a SOURCE: a prefix, a path, or `-` for stdin. */
function isSource(argument: string): boolean {
  return argument === "-" || /^(?:oci|oci-archive|docker-archive):|^docker:\/\/|^\.{0,2}\//.test(argument);
}
