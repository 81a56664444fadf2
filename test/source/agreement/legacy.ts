/** Archives as Docker before 1.10 saved them, without manifest.json. */
import { archive, gzip } from "../../support/image-builder.js";
import { file, layer } from "../../support/tar-builder.js";

const layers = [0, 1, 2].map((n) => layer(file(`legacy-${n}`, `content ${n}`)));
const v1 = (id: string, json: object, bytes: Uint8Array = layers[0] as Uint8Array): [string, Uint8Array][] => [
  [`${id}/VERSION`, Buffer.from("1.0")],
  [`${id}/json`, Buffer.from(JSON.stringify({ id, ...json }))],
  [`${id}/layer.tar`, bytes],
];
const legacy = (...files: [string, Uint8Array | { symlink: string }][]): Buffer =>
  archive(
    new Map(files.some(([path]) => path === "repositories") ? files : [...files, ["repositories", Buffer.from("{}")]]),
  );
const names = (text: string): [string, Uint8Array] => ["repositories", Buffer.from(text)];
const RUN = {
  Hostname: "h",
  Env: ["A=<b>&c"],
  Cmd: ["/bin/sh", "-c", '#(nop) CMD ["a" && b]'],
  Volumes: { "/z": {}, "/a": {} },
  Labels: { "b\u2028": "\u00e9\ud83d\ude00", a: "\b\f\u007f" },
  ExposedPorts: {},
  StopTimeout: 0,
  Entrypoint: [],
  OnBuild: null,
  Healthcheck: { Test: ["NONE"], Retries: 3, Interval: 0 },
  Shell: ["sh"],
  Unknown: 1,
};
const NEW = { docker_version: "1.9.1", created: "2015-06-01T10:20:30.120Z", os: "linux", architecture: "amd64" };

export const LEGACY: readonly [title: string, bytes: Uint8Array][] = [
  [
    "one image of a daemon before 1.8.3",
    legacy(...v1("a", { created: "2013-01-01T00:00:00.500Z", Size: 5, config: RUN }), names('{"old":{"1":"a"}}')),
  ],
  ["one image without a time", legacy(...v1("a", {}))],
  ["one image with a time in a zone", legacy(...v1("a", { created: "2013-01-01T00:00:00.100-05:30", author: "m<e>" }))],
  [
    "one image of 1.8.2",
    legacy(...v1("a", { ...NEW, docker_version: "1.8.2", container_config: RUN, config: RUN, throwaway: true })),
  ],
  [
    "one image of 1.8.3",
    legacy(
      ...v1("a", {
        ...NEW,
        docker_version: "1.8.3",
        container_config: RUN,
        config: RUN,
        throwaway: true,
        parent_id: "x",
        layer_id: "y",
      }),
    ),
  ],
  ["one image of 1.8.3-rc1", legacy(...v1("a", { ...NEW, docker_version: "1.8.3-rc1", unknown: 1 }))],
  [
    "one image of 1.10",
    legacy(...v1("a", { ...NEW, docker_version: "1.10", unknown: [1.0, 1e3, "<"], comment: "c & d" })),
  ],
  [
    "json with odd spelling that is kept",
    legacy(
      [
        "a/json",
        Buffer.from(
          '{ "docker_version" : "1.9.1",\n "z" : 1.50e+3 , "\\u0061<" : "\\u00e9 \\/ <\\u2028>\u2028", "Size":12, "size" : 3, "b": [ 1 , {"x" : null } ] , "z":2.0 }',
        ),
      ],
      ["a/layer.tar", layers[0] as Uint8Array],
    ),
  ],
  [
    "json that is not UTF-8",
    legacy(
      ["a/json", Buffer.from('{"docker_version":"1.9.1","author":"caf\xe9","\xe9":1}', "latin1")],
      ["a/layer.tar", layers[0] as Uint8Array],
    ),
  ],
  [
    "old json that is not UTF-8",
    legacy(
      ["a/json", Buffer.from('{"author":"caf\xe9 \\ud800 x"}', "latin1")],
      ["a/layer.tar", layers[0] as Uint8Array],
    ),
  ],
  [
    "three images in a row",
    legacy(
      ...v1("c", { ...NEW, parent: "b", container_config: RUN, comment: "top" }, layers[2]),
      ...v1("b", { ...NEW, parent: "a", author: "x" }, layers[1]),
      ...v1("a", { ...NEW, created: "2014-01-01T00:00:00Z" }, layers[0]),
      names('{"app":{"1":"c","2":"c"},"quay.io/x/base":{"x":"a"}}'),
    ),
  ],
  [
    "a layer that is a symlink to another's",
    legacy(...v1("a", NEW), ...v1("b", { ...NEW, parent: "a" }).slice(0, 2), [
      "b/layer.tar",
      { symlink: "../a/layer.tar" },
    ]),
  ],
  ["a compressed layer", legacy(...v1("a", NEW, gzip(layers[0] as Uint8Array)))],
  ["an empty layer file", legacy(...v1("a", NEW, Buffer.alloc(0)))],
  ["no repositories", archive(new Map(v1("a", NEW)))],
  ["repositories that is null", legacy(...v1("a", NEW), names("null"))],
  ["repositories that is a list", legacy(...v1("a", NEW), names("[]"))],
  ["repositories with null for the tags", legacy(...v1("a", NEW), names('{"x":null}'))],
  ["repositories with an unknown image", legacy(...v1("a", NEW), names('{"x":{"1":"b"}}'))],
  ["repositories with a bad name", legacy(...v1("a", NEW), names('{"X":{"1":"a"}}'))],
  ["repositories with a bad name without tags", legacy(...v1("a", NEW), names('{"X":{}}'))],
  ["repositories with a bad tag", legacy(...v1("a", NEW), names('{"x":{"-":"a"}}'))],
  ["repositories with a tag in the name", legacy(...v1("a", NEW), names('{"x:7":{"1":"a"}}'))],
  ["a directory without json", legacy(...v1("a", NEW), ["b/x", Buffer.from("x")])],
  ["a directory without layer.tar", legacy(...v1("a", NEW).slice(0, 2))],
  ["a parent that is missing", legacy(...v1("a", { ...NEW, parent: "b" }))],
  ["a parent outside", legacy(...v1("a", { ...NEW, parent: "../a" }))],
  ["an image for windows", legacy(...v1("a", { ...NEW, os: "windows" }))],
  ["a json that is no object", legacy(["a/json", Buffer.from("[]")], ["a/layer.tar", layers[0] as Uint8Array])],
  ["a json with a wrong type", legacy(...v1("a", { ...NEW, config: { Env: 5 } }))],
  ["only repositories", archive(new Map([names("{}")]))],
];
