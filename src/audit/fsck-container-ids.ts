/**
 * Whose a directory below containers/ is. It is called after its container, whose config has the id, too; where the two
 * differ, the config is believed if layerdb knows that container, and nothing else passes for its directory.
 */
import type { ContainerRecord, MountRecord } from "./fsck-picture.js";

const CONTAINER_ID = /^[0-9a-f]{64}$/;

export function isContainerId(name: string): boolean {
  return CONTAINER_ID.test(name);
}

/** @param records by the names of their directories @returns by the containers that they are of */
export function settleContainers(
  records: ReadonlyMap<string, ContainerRecord>,
  mounts: ReadonlyMap<string, MountRecord>,
): Map<string, ContainerRecord> {
  const claims = new Map<string, string[]>();
  for (const [name, record] of records) {
    const id = idIn(record) ?? name;
    claims.set(id, [...(claims.get(id) ?? []), name]);
  }
  const isOthers = (name: string, id: string) => {
    if (id === name || !mounts.has(id) || (claims.get(id) ?? []).length > 1) return false;
    // Else it is the id in the config that is wrong.
    return !mounts.has(name) || claims.has(name);
  };
  return new Map(
    [...records].map(([name, record]) => {
      const id = idIn(record) ?? name;
      return isOthers(name, id) ? [id, { ...record, id }] : [name, record];
    }),
  );
}

function idIn({ config }: ContainerRecord): string | null {
  const id = config?.["ID"];
  return typeof id === "string" && isContainerId(id) ? id : null;
}
