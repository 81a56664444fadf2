import { archive, type Files, type Image, image, json } from "../../support/image-builder.js";
import { file, layer } from "../../support/tar-builder.js";
import { type Case, made, marker } from "./case.js";
import { edited, plain, save } from "./plain.js";

const tagged = (title: string, names: readonly string[]) => {
  const of = plain(title, { names });
  return made(title, [of], save(of));
};

export const sets: readonly Case[] = [
  several("several images that share layers", (base) => [
    image({ layers: [base], names: ["corpus/shared:base"] }),
    image({ layers: [base, layer(file("x", "x of shared"))], names: ["corpus/shared:x", "corpus/shared:latest"] }),
    image({ layers: [base, layer(file("y", "y of shared"))], names: ["other/shared:y"] }),
  ]),
  several("several images without names", (base) => [
    image({ layers: [base] }),
    image({ layers: [base, layer(file("z", "z of unnamed"))] }),
  ]),
  several("one image of another's layers only", (base) => [
    image({ layers: [base], names: ["corpus/same:1"] }),
    image({ layers: [base], names: ["corpus/same:2"], config: { comment: "another config" } }),
  ]),
  several("a tag that moves within the archive", (base) => [
    image({ layers: [base], names: ["corpus/moves:1"] }),
    image({ layers: [base], names: ["corpus/moves:1"], config: { comment: "takes the tag" } }),
  ]),
  several("the same image twice", (base) => {
    const one = { layers: [base], config: { comment: "same" } };
    return [image({ ...one, names: ["corpus/twice:1"] }), image({ ...one, names: ["corpus/twice:2"] })];
  }),
  several("images linked by Parent", (base) => {
    const parent = image({ layers: [base], names: ["corpus/parent:1"] });
    const layers = [base, layer(file("child", "c"))];
    return [parent, image({ layers, names: ["corpus/child:1"], parent: parent.id })];
  }),
  several("a Parent that is in no archive", (base) => [
    image({ layers: [base], names: ["corpus/orphan:1"], parent: `sha256:${"ab".repeat(32)}` }),
  ]),
  ...built("layers that the store has need not be in the archive", (of) =>
    edited(of, (files) => {
      for (const path of [...files.keys()]) if (path.endsWith("/layer.tar")) files.delete(path);
    }),
  ),
  ...built("a tag that moves from archive to archive", (of) => save(of)),
  legacy("an archive without manifest json"),
  tagged("an image without a name", []),
  tagged("names in full and familiar form", [
    "docker.io/library/corpus-full:1",
    "index.docker.io/corpus/full:2",
    "docker.io/corpus/full:3",
    "localhost:5000/corpus:4",
    "localhost/corpus:5",
    "quay.io/a/b/c:t",
    "127.0.0.1:5055/foo/bar:6",
    "corpus__x.y-z:V1.0_rc-2",
  ]),
  tagged("names that dockerd says it loads and does not store", [
    `corpus/digested:1@sha256:${"cd".repeat(32)}`,
    "sha256:abc",
  ]),
];

function several(title: string, make: (base: Uint8Array) => Image[]): Case {
  const images = make(layer(marker(title), file("base", title)));
  return made(title, images, save(...images));
}

/** Two archives: an image, and another image of the same layers under the same name. */
function built(title: string, make: (of: Image) => Uint8Array): Case[] {
  const first = plain(title);
  const second = plain(title, { config: { comment: "another config" } });
  return [made(`${title}: before`, [first], save(first)), made(title, [second], make(second))];
}

/** What docker saved before 1.10: layers with a config each, found by their directories and `repositories`. */
function legacy(title: string): Case {
  const ids = ["0a".repeat(32), "0b".repeat(32)] as const;
  const files: Files = new Map();
  for (const [i, id] of ids.entries()) {
    const config = { id, created: "2014-01-01T00:00:00Z", os: "linux", architecture: "amd64", config: { Cmd: ["/x"] } };
    const parent = i === 0 ? {} : { parent: ids[0] };
    files.set(`${id}/VERSION`, Buffer.from("1.0"));
    files.set(`${id}/json`, json({ ...config, ...parent, container_config: { Cmd: [`/bin/sh -c step ${i}`] } }));
    files.set(`${id}/layer.tar`, layer(marker(`${title} ${i}`)));
  }
  files.set("repositories", json({ "corpus/legacy": { "1": ids[1], base: ids[0] } }));
  return made(title, [], archive(files));
}
