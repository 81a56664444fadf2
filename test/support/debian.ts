/** A real root filesystem: Debian as mmdebstrap makes it, about 9,000 files and 170 MB, kept between runs. */
import { existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { runOk } from "./run.js";

/** Nothing in the tar is younger, so that the same packages give the same bytes. */
const EPOCH = "1700000000";

/** Path of the tar. The first call on a machine downloads some 35 MB and takes under a minute. */
export async function debianTar(): Promise<string> {
  const suite = /^VERSION_CODENAME=(\w+)$/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1] ?? "bookworm";
  const path = join(process.env["OVL_TEST_CACHE"] ?? "/var/tmp/ovl-test-cache", `debian-${suite}.tar`);
  if (existsSync(path)) return path;
  mkdirSync(dirname(path), { recursive: true });
  const unfinished = `${path}.${process.pid}.tar`;
  await runOk("mmdebstrap", ["--variant=minbase", "--mode=root", "--quiet", suite, unfinished], {
    env: { SOURCE_DATE_EPOCH: EPOCH },
  });
  renameSync(unfinished, path);
  return path;
}
