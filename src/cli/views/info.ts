/** `ovl info` for people: a fact a line. */
import { type RootInfo, rootInfo } from "../../store/info.js";
import type { Store } from "../../store/store.js";
import type { StoreWarning } from "../../store/warning.js";
import { humanSize } from "../units.js";

/** The answer of `ovl info`. */
export interface Info extends RootInfo {
  readonly engines: { readonly gzip: string; readonly crc64: string; readonly zstd: string };
}

export async function gatherInfo(store: Store): Promise<{ info: Info; layerBytes: number; warnings: StoreWarning[] }> {
  const { engineNames } = await import("../../blob/engines.js");
  const layerBytes = store.layers.list().layers.reduce((sum, { size }) => sum + size, 0);
  const warnings: StoreWarning[] = [];
  const info = rootInfo(store, (warning) => warnings.push(warning));
  return { info: { ...info, engines: await engineNames() }, layerBytes, warnings };
}

const KINDS: Readonly<Record<Info["kind"], string>> = {
  absent: "not there yet",
  empty: "empty directory",
  docker: "docker root",
};

export function infoText(info: Info, layerBytes: number): string {
  const facts = {
    Root: info.root,
    Kind: KINDS[info.kind],
    Driver: info.driver,
    Images: info.images,
    Layers: `${info.layers} (${humanSize(layerBytes)})`,
    Containers: info.containers,
    Daemon: info.daemonRunning ? "running, holds this root" : "none holds this root",
    Engines: Object.entries(info.engines)
      .map(([use, name]) => `${use} ${name}`)
      .join(", "),
  };
  const width = Math.max(...Object.keys(facts).map((name) => name.length)) + 2;
  return Object.entries(facts)
    .map(([name, value]) => `${`${name}:`.padEnd(width)}${value}`)
    .join("\n");
}
