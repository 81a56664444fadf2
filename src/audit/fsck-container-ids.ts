/**
 * Whose a directory below containers/ is. It is called after its container, whose config has the id, too; where the two
 * differ, the config is believed if layerdb knows that container, and nothing else passes for its directory.
 */
import type { ContainerRecord, MountRecord } from "./fsck-picture.js";
import { push } from "./multimap.js";

const CONTAINER_ID = /^[0-9a-f]{64}$/;

export function isContainerId(name: string): boolean {
  return CONTAINER_ID.test(name);
}

export interface Settled {
  /** By the containers that they are of. */
  readonly containers: ReadonlyMap<string, ContainerRecord>;
  /** Of the directory of a container that is there, too; `id` is that container's. */
  readonly copies: readonly ContainerRecord[];
}

/** @param records by the names of their directories */
export function settleContainers(
  records: ReadonlyMap<string, ContainerRecord>,
  mounts: ReadonlyMap<string, MountRecord>,
): Settled {
  const claims = new Map<string, string[]>();
  for (const [name, record] of records) {
    const id = idIn(record) ?? name;
    push(claims, id, name);
  }
  const isOthers = (name: string, id: string) => {
    if (id === name || !mounts.has(id) || (claims.get(id) ?? []).length > 1) return false;
    // Else it is the id in the config that is wrong.
    return !mounts.has(name) || claims.has(name);
  };
  const containers = new Map<string, ContainerRecord>();
  const copies: ContainerRecord[] = [];
  for (const [name, record] of records) {
    const id = idIn(record) ?? name;
    const isCopy = id !== name && !mounts.has(name) && mounts.has(id) && idIn(records.get(id)) === id;
    if (isCopy) copies.push({ ...record, id });
    else if (isOthers(name, id)) containers.set(id, { ...record, id });
    else containers.set(name, record);
  }
  return { containers, copies };
}

function idIn(record: ContainerRecord | undefined): string | null {
  const id = record?.config?.["ID"];
  return typeof id === "string" && isContainerId(id) ? id : null;
}
