/**
 * The real tools that judge ovl. A test that needs one is skipped by name where the tool is absent, and fails
 * there under `OVL_REQUIRE_ORACLES=1`, as in CI: `test("...", { skip: oracle("root", "dockerd") }, ...)`.
 */
import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, join } from "node:path";

const COMMANDS = {
  busybox: "busybox-static",
  dockerd: "docker.io",
  "docker-registry": "docker-registry",
  openssl: "openssl",
  script: "bsdutils",
  skopeo: "skopeo",
  tcc: "tcc",
  umoci: "umoci",
  zstd: "zstd",
  getfattr: "attr",
  setfattr: "attr",
  mmdebstrap: "mmdebstrap",
  igzip: "isal",
  podman: "podman",
  unshare: "util-linux",
  "mkfs.ext4": "e2fsprogs",
  losetup: "mount",
} as const;

/** `root`: uid 0. `nonroot`: another uid. `gnu-tar` is `tar`, which Debian always has. `loop`: loop devices. */
export type Oracle = keyof typeof COMMANDS | "root" | "nonroot" | "gnu-tar" | "loop";

/** Docker's own client, past a newer one that may come first in PATH: client and daemon of one package agree. */
export const DOCKER_CLIENT: string = existsSync("/usr/bin/docker") ? "/usr/bin/docker" : "docker";

/** False when all are present, else the reason to skip. */
export function oracle(...names: readonly Oracle[]): string | false {
  const missing = names.map(missingReason).filter((reason) => reason !== null);
  if (missing.length === 0) return false;
  const reason = missing.join("; ");
  if (process.env["OVL_REQUIRE_ORACLES"] === "1" && !names.includes("nonroot")) {
    throw new Error(`OVL_REQUIRE_ORACLES=1, but ${reason}`);
  }
  return reason;
}

function missingReason(name: Oracle): string | null {
  if (name === "root") return process.getuid?.() === 0 ? null : "needs root";
  if (name === "nonroot") return process.getuid?.() !== 0 ? null : "needs a user other than root";
  if (name === "loop") return existsSync("/dev/loop-control") ? null : "needs loop devices (/dev/loop-control)";
  if (name === "gnu-tar") return inPath("tar") ? null : "needs GNU tar";
  return inPath(name) ? null : `needs ${name} (Debian package ${COMMANDS[name]})`;
}

function inPath(command: string): boolean {
  const dirs = `${process.env["PATH"] ?? ""}${delimiter}/usr/sbin${delimiter}/sbin`.split(delimiter);
  return dirs.some((dir) => {
    if (dir === "") return false;
    try {
      accessSync(join(dir, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
