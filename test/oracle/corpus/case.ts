/** One archive of the corpus and what dockerd 20.10 does with it. */
import type { ErrorCode } from "../../../src/errors.js";
import { archive, dockerArchive, type Image, type ImageSpec, image } from "../../support/image-builder.js";
import { file, tar } from "../../support/tar-builder.js";

export interface Case {
  readonly title: string;
  /** What ovl pulls. */
  readonly archive: Uint8Array;
  /** What dockerd loads: the same bytes, or the same images in an archive that 20.10 can read. */
  readonly dockerd: Uint8Array;
  readonly images: readonly Image[];
  /**
   * The code of ovl's error where both must refuse; null where both must load; `as-dockerd` where it depends on
   * the kernel and the filesystem, and only agreement is asked for.
   */
  readonly refused: ErrorCode | null | "as-dockerd";
  /** ovl warns that dockerd could never give this image back. */
  readonly lossy: boolean;
  /**
   * dockerd registers what came before the fault, or leaks it; ovl registers all of an archive or nothing.
   * Such archives are loaded by a daemon of their own, and only the verdicts are compared.
   */
  readonly apart: boolean;
}

interface Options extends Partial<ImageSpec> {
  readonly refused?: ErrorCode | "as-dockerd";
  readonly lossy?: boolean;
  readonly apart?: boolean;
  /** Leaves the first layer as it is. Otherwise an entry of its own makes its ChainIDs different from all others. */
  readonly unmarked?: boolean;
}

/** An archive of one image with the given layers, bottom to top. */
export function loads(title: string, layers: readonly Uint8Array[], options: Omit<Options, "refused"> = {}): Case {
  return oneImage(title, layers, options);
}

/** The same, refused by both. */
export function refuses(code: ErrorCode, title: string, layers: readonly Uint8Array[], options: Options = {}): Case {
  return oneImage(title, layers, { ...options, refused: code });
}

/** What the kernel or the filesystem does not take, where others do. */
export function agrees(title: string, layers: readonly Uint8Array[]): Case {
  return oneImage(title, layers, { refused: "as-dockerd" });
}

/** Loads, but could never be saved again: ovl warns. */
export function loses(title: string, layers: readonly Uint8Array[], options: Options = {}): Case {
  return oneImage(title, layers, { ...options, lossy: true });
}

function oneImage(title: string, layers: readonly Uint8Array[], options: Options): Case {
  const { refused = null, unmarked = false, lossy = false, apart = false, ...spec } = options;
  const [first, ...rest] = layers;
  const marked = first === undefined || unmarked ? layers : [tar(marker(title), first), ...rest];
  const built = image({ names: [nameOf(title)], ...spec, layers: marked });
  const bytes = archive(dockerArchive([built]));
  return { title, archive: bytes, dockerd: bytes, images: [built], refused, lossy, apart };
}

/** An archive made by hand. `dockerd` is given where 20.10 cannot read the form that ovl reads. */
export function made(
  title: string,
  images: readonly Image[],
  bytes: Uint8Array,
  options: { dockerd?: Uint8Array; refused?: ErrorCode; apart?: boolean } = {},
): Case {
  const { dockerd = bytes, refused = null, apart = false } = options;
  return { title, archive: bytes, dockerd, images, refused, lossy: false, apart };
}

/** A file whose name tells which case it is of. */
export function marker(title: string): Uint8Array {
  return file(`case-${slug(title)}`, title);
}

export function nameOf(title: string, tag = "1"): string {
  return `corpus/${slug(title)}:${tag}`;
}

function slug(title: string): string {
  return title
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "")
    .slice(0, 70)
    .replace(/-$/, "");
}
