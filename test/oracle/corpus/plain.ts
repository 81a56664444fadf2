import { archive, dockerArchive, type Files, type Image, image } from "../../support/image-builder.js";
import { dir, file, layer, whiteout } from "../../support/tar-builder.js";
import { type Case, made, marker, nameOf } from "./case.js";

/** An image of two layers that no other case has. */
export function plain(title: string, over: Partial<Parameters<typeof image>[0]> = {}): Image {
  const layers = [
    layer(marker(title), dir("d/", { mtime: 4 }), file("d/a", `a of ${title}\n`.repeat(300))),
    layer(whiteout("d/a"), file("d/b", "b", { mode: 0o4755 })),
  ];
  return image({ layers, names: [nameOf(title)], ...over });
}

/** A case of one plain image, whose archive is made by the caller; dockerd gets `twin` of it where given. */
export function form(title: string, make: (of: Image) => Uint8Array, twin = false): Case {
  const of = plain(title);
  const bytes = make(of);
  return made(title, [of], bytes, twin ? { dockerd: archive(dockerArchive([of])) } : {});
}

export const save = (...images: readonly Image[]) => archive(dockerArchive(images));

export function edited(of: Image, edit: (files: Files) => void): Uint8Array {
  const files = dockerArchive([of]);
  edit(files);
  return archive(files);
}
