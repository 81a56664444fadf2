/**
 * Where images come from. A source says which images it holds and where their blobs lie; everything else
 * (verification, decompression, layers) is derived from that by the stages behind it.
 */
import type { ByteStream, FileRange } from "../blob/byte-source.js";
import type { ImageConfig } from "../model/config.js";
import type { DiffId, Digest, ImageId } from "../model/digest.js";
import type { Platform } from "../model/platform.js";
import type { OnDamage } from "./damage.js";

export type SourceKind = "oci" | "oci-archive" | "docker-archive" | "docker";

export interface ImageSource extends AsyncDisposable {
  readonly kind: SourceKind;
  /** As the user named it, for messages. */
  readonly location: string;
  /**
   * The images asked for, their configs and manifests verified against their digests.
   * Throws NOT_FOUND, NO_PLATFORM, AMBIGUOUS, BAD_ARCHIVE, PATH_ESCAPE, BAD_MANIFEST, BAD_CONFIG, TOO_MANY_LAYERS,
   * UNSUPPORTED_MEDIA_TYPE, DIGEST_MISMATCH, SIZE_MISMATCH.
   * @param onDamage told of each image that one of these is wrong with, which is then left out; without it, and by a
   * source that holds one image, the first of them is thrown
   */
  images(selection: Selection, onDamage?: OnDamage): Promise<readonly SourceImage[]>;
}

export interface Selection {
  /** Only the image of this name (`oci:DIR:NAME`); null for every image. */
  readonly name: string | null;
  /** Which of several platforms; null: the host's where there is a choice. */
  readonly platform: Platform | null;
}

export interface SourceImage {
  readonly id: ImageId;
  readonly config: ImageConfig;
  /** Tags in familiar form (`app:1`, `localhost:5000/x:2`), as the source gives them, in its order. */
  readonly names: readonly string[];
  /** Where it was found, for an image of a registry. */
  readonly origin?: RegistryOrigin;
  /** Digest of the manifest; null for a docker archive, which has none. */
  readonly manifestDigest: Digest | null;
  /** Bottom to top; as many as `config.diffIds`, checked. */
  readonly layers: readonly SourceLayer[];
  /** Image id of the parent that a docker archive names (`Parent`), checked as dockerd does; else null. */
  readonly parent: ImageId | null;
}

/** What a store notes of where an image came from. */
export interface RegistryOrigin {
  /** Full name of the repository: `docker.io/library/debian`. */
  readonly repository: string;
  /** Digest of what the name or digest that was asked for led to: an index, where it is one of several platforms. */
  readonly digest: Digest;
}

export interface SourceLayer {
  /** What the config promises of the uncompressed tar. */
  readonly diffId: DiffId;
  /** Digest that the blob must have as it is stored; null where the source claims none. */
  readonly digest: Digest | null;
  readonly mediaType: string;
  /** Size of the blob as stored, in bytes; 0 where a docker archive lacks it. */
  readonly size: number;
  /**
   * Where the bytes are. Not checked before: called only for layers that are really needed, since docker
   * accepts an archive without the layers that the store has.
   */
  open(): Promise<FileRange | ByteStream>;
}
