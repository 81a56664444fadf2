/** `ovl pull` for people: a line an image. */

/** What the lines need of an image. */
export interface PulledImage {
  readonly id: string;
  readonly names: readonly string[];
}

export function pulledText(images: readonly PulledImage[]): string {
  return images.map(({ id, names }) => [id, ...names].join(" ")).join("\n");
}
