/** Image ids, chains and configs. */
import { CREATED, configOf, sha256 } from "../../support/image-builder.js";
import { file, layer, tar } from "../../support/tar-builder.js";
import { type Case, loads, marker, refuses } from "./case.js";

/** A layer of its own and a config made of its diff id. */
function configured(title: string, config: (diffId: string) => string | Uint8Array): [string, Uint8Array[], object] {
  const only = tar(marker(title), layer(file("f", title)));
  return [title, [only], { unmarked: true, configBytes: Buffer.from(config(sha256(only)) as string) }];
}

const plain = (diffId: string, over: Record<string, unknown> = {}) => JSON.stringify(configOf([diffId], over));
const steps = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ created: CREATED, created_by: `step ${i}` }));
const many = (count: number, label: string) =>
  Array.from({ length: count }, (_, i) => layer(file(`${label}/layer-${i}`, String(i))));

export const configs: readonly Case[] = [
  loads(...configured("config with indentation", (id) => JSON.stringify(configOf([id]), null, 3))),
  loads(...configured("config with a newline at the end", (id) => `${plain(id)}\n`)),
  loads(...configured("config with CRLF and leading space", (id) => ` \r\n\t${plain(id)} \r\n`)),
  loads(
    ...configured("config with keys nobody knows", (id) =>
      plain(id, { "x.unknown": { deep: [1, 2.5e300, null] }, author: "<&>" }),
    ),
  ),
  loads(...configured("config with nothing but rootfs", (id) => `{"rootfs":{"type":"layers","diff_ids":["${id}"]}}`)),
  loads(...configured("config with an empty os", (id) => plain(id, { os: "" }))),
  loads(...configured("config without created", (id) => plain(id, { created: undefined }))),
  loads(
    ...configured("config with another rootfs type", (id) => plain(id, { rootfs: { type: "tower", diff_ids: [id] } })),
  ),
  loads(
    ...configured(
      "config with keys in another case",
      (id) => `{"RootFS":{"Type":"layers","Diff_IDs":["${id}"]},"OS":"linux"}`,
    ),
  ),
  loads(...configured("config with a key twice", (id) => `{"os":"windows",${plain(id).slice(1)}`)),
  loads(
    ...configured("config with text that is not UTF-8", (id) =>
      Buffer.from(plain(id, { author: "caf\xe9" }), "latin1"),
    ),
  ),
  loads(
    ...configured("config with nulls", (id) => plain(id, { config: null, created: null, history: null, author: null })),
  ),
  loads(
    ...configured("config with every field of docker", (id) =>
      plain(id, {
        author: "a <a@b>",
        comment: "c",
        container: "0".repeat(64),
        container_config: { Cmd: ["x"], Labels: { k: "v" }, ExposedPorts: { "80/tcp": {} }, Volumes: { "/v": {} } },
        docker_version: "20.10.24+dfsg1",
        variant: "v3",
        "os.version": "1",
        "os.features": ["f"],
        id: "legacy",
        parent: sha256(Buffer.from("ignored")),
      }),
    ),
  ),
  loads(...configured("fewer history entries than layers", (id) => plain(id, { history: [] }))),
  loads(
    ...configured("history with empty layers", (id) =>
      plain(id, {
        history: [{ created_by: "a", empty_layer: true }, { created_by: "b" }, { comment: "c", empty_layer: true }],
      }),
    ),
  ),
  loads("no layers", [], { config: { comment: "an image without layers" } }),
  loads("diff ids that are null", [], {
    configBytes: Buffer.from('{"os":"linux","comment":"null","rootfs":{"type":"layers","diff_ids":null}}'),
  }),
  loads("125 layers", many(125, "deep"), { unmarked: true }),
  loads("a layer twice in one image", repeated("repeated")),
  // The lower 125 are those of the image above, so that only the last is tried.
  refuses("TOO_MANY_LAYERS", "126 layers", many(126, "deep"), { unmarked: true }),
  refuses("BAD_CONFIG", ...configured("config without rootfs", () => '{"os":"linux"}')),
  refuses("BAD_CONFIG", ...configured("config with bytes behind it", (id) => `${plain(id)}x`)),
  refuses("BAD_CONFIG", ...configured("config that is cut", (id) => plain(id).slice(0, -1))),
  refuses("BAD_CONFIG", ...configured("config that is empty", () => "")),
  refuses("BAD_CONFIG", ...configured("config with a byte order mark", (id) => `\ufeff${plain(id)}`)),
  refuses("BAD_CONFIG", ...configured("config with a number as os", (id) => plain(id, { os: 7 }))),
  refuses("BAD_CONFIG", ...configured("config with a bad time", (id) => plain(id, { created: "yesterday" }))),
  refuses("BAD_CONFIG", ...configured("config for windows", (id) => plain(id, { os: "windows" }))),
  { ...refuses("BAD_CONFIG", ...configured("config for freebsd", (id) => plain(id, { os: "freebsd" }))), apart: true },
  refuses("BAD_CONFIG", ...configured("more history than layers", (id) => plain(id, { history: steps(2) }))),
];

function repeated(label: string): Uint8Array[] {
  const [a, b] = [layer(file(`${label}/a`, "a")), layer(file(`${label}/b`, "b"))];
  return [a, b, a, a, b];
}
