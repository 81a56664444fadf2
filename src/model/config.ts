/** An image config: the exact bytes, whose sha256 is the image id, beside what they say. */
import * as v from "valibot";
import { OvlError } from "../errors.js";
import { type DiffId, type ImageId, imageIdOf, isDiffId } from "./digest.js";
import {
  checkShape,
  goBool,
  goInt,
  goSet,
  goString,
  goStringMap,
  goStrings,
  goStrSlice,
  goStruct,
  goTime,
} from "./go-shape.js";
import { parseJson } from "./json.js";
import type { Platform } from "./platform.js";

export interface HistoryEntry {
  /** As written in the config; null where absent. */
  readonly created: string | null;
  readonly createdBy: string;
  readonly comment: string;
  readonly author: string;
  readonly emptyLayer: boolean;
}

export interface ImageConfig {
  readonly bytes: Uint8Array;
  readonly id: ImageId;
  /** Bottom to top. */
  readonly diffIds: readonly DiffId[];
  readonly history: readonly HistoryEntry[];
  readonly platform: Platform;
  /** RFC 3339 as written; null where absent. */
  readonly created: string | null;
  /**
   * The whole document, for `inspect`. Keys that dockerd knows are in its spelling, whatever their case was;
   * values are shape-checked as its decoder checks them.
   */
  readonly json: Readonly<Record<string, unknown>>;
}

/** Largest config read; dockerd has no limit of its own, registries stop at 4 MiB. */
export const MAX_CONFIG_BYTES = 8 * 1024 * 1024;

/** container.Config of dockerd 20.10, in its order: the order in which dockerd writes it. */
export const runConfigShape = goStruct({
  Hostname: goString,
  Domainname: goString,
  User: goString,
  AttachStdin: goBool,
  AttachStdout: goBool,
  AttachStderr: goBool,
  ExposedPorts: goSet,
  Tty: goBool,
  OpenStdin: goBool,
  StdinOnce: goBool,
  Env: goStrings,
  Cmd: goStrSlice,
  Healthcheck: v.nullish(
    goStruct({ Test: goStrings, Interval: goInt, Timeout: goInt, StartPeriod: goInt, Retries: goInt }),
  ),
  ArgsEscaped: goBool,
  Image: goString,
  Volumes: goSet,
  WorkingDir: goString,
  Entrypoint: goStrSlice,
  NetworkDisabled: goBool,
  MacAddress: goString,
  OnBuild: goStrings,
  Labels: goStringMap,
  StopSignal: goString,
  StopTimeout: goInt,
  Shell: goStrSlice,
});

const historyShape = goStruct({
  created: goTime,
  author: goString,
  created_by: goString,
  comment: goString,
  empty_layer: goBool,
});

/** image.V1Image, which every later config still begins with. */
export const v1Members = {
  id: goString,
  parent: goString,
  comment: goString,
  created: goTime,
  container: goString,
  container_config: v.nullish(runConfigShape),
  docker_version: goString,
  author: goString,
  config: v.nullish(runConfigShape),
  architecture: goString,
  variant: goString,
  os: goString,
  Size: goInt,
};

const imageShape = goStruct({
  ...v1Members,
  rootfs: v.nullish(goStruct({ type: goString, diff_ids: goStrings })),
  history: v.nullish(v.array(v.nullish(historyShape), "must be an array of objects")),
  "os.version": goString,
  "os.features": goStrings,
});

/**
 * An image config that dockerd 20.10 would load, from its exact bytes.
 * Throws BAD_CONFIG: not JSON or of the wrong shape, no `rootfs`, an OS other than Linux, a diff id that no layer
 * can have, or more history than layers.
 */
export function parseImageConfig(bytes: Uint8Array): ImageConfig {
  const json = readShape(bytes);
  if (json.rootfs === undefined || json.rootfs === null) {
    throw new OvlError("BAD_CONFIG", "image config has no rootfs, so it names no layers");
  }
  const history = (json.history ?? []).map(historyEntry);
  const diffIds = (json.rootfs.diff_ids ?? []).map(diffIdAt);
  const nonEmpty = history.filter((entry) => !entry.emptyLayer).length;
  if (nonEmpty > diffIds.length) {
    throw new OvlError(
      "BAD_CONFIG",
      `image config has too many non-empty layers in its history: ${nonEmpty}, but ${diffIds.length} diff ids`,
      { expected: diffIds.length, actual: nonEmpty },
    );
  }
  const platform = { os: linuxOnly(json.os), architecture: json.architecture ?? "", variant: json.variant || null };
  return { bytes, id: imageIdOf(bytes), diffIds, history, platform, created: json.created ?? null, json };
}

/** What an image is for, whether or not it could be loaded here. Throws BAD_CONFIG for what is no config. */
export function platformOfConfig(bytes: Uint8Array): Platform {
  const { os, architecture, variant } = readShape(bytes);
  return { os: os || "linux", architecture: architecture ?? "", variant: variant || null };
}

function readShape(bytes: Uint8Array): v.InferOutput<typeof imageShape> {
  const context = { subject: "image config", code: "BAD_CONFIG" } as const;
  return checkShape(imageShape, parseJson(bytes, { ...context, maxBytes: MAX_CONFIG_BYTES }), context);
}

function historyEntry(entry: v.InferOutput<typeof historyShape> | null | undefined): HistoryEntry {
  return {
    created: entry?.created ?? null,
    createdBy: entry?.created_by ?? "",
    comment: entry?.comment ?? "",
    author: entry?.author ?? "",
    emptyLayer: entry?.empty_layer ?? false,
  };
}

/** dockerd compares diff ids with its own lower-case sha256 text: nothing else can ever match. */
function diffIdAt(text: string | null | undefined, index: number): DiffId {
  if (typeof text === "string" && isDiffId(text)) return text;
  throw new OvlError(
    "BAD_CONFIG",
    `image config: diff id of layer ${index} is not sha256:<64 lower-case hex digits>: ${JSON.stringify(text)}`,
    { layer: index },
  );
}

/** Absent means linux. dockerd refuses windows, and panics on everything else. */
function linuxOnly(os: string | null | undefined): "linux" {
  if (os === undefined || os === null || os === "" || os === "linux") return "linux";
  throw new OvlError("BAD_CONFIG", `image is for the operating system ${JSON.stringify(os)}; only linux images load`, {
    expected: "linux",
    actual: os,
  });
}
