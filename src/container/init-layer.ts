/**
 * The layer between an image and a container's own: the mount points that a runtime needs, so that making them does
 * not show as a change of the container's. As moby 20.10 sets it up (daemon/initlayer/setup_unix.go), computed from the
 * layers' directories instead of in a mount. moby goes through its list in random order; the result is the same.
 */
import { type ByteString, byteStringOf } from "../model/bytes.js";
import { Union } from "../rootfs/union.js";
import { seesTrusted } from "../sys/privilege.js";
import { UpperLayer } from "./upper.js";

type Item = readonly [directory: string, name: string, content: "directory" | "file" | { readonly symlink: string }];

const ITEMS: readonly Item[] = [
  ["dev", "pts", "directory"],
  ["dev", "shm", "directory"],
  ["dev", "console", "file"],
  ["", "proc", "directory"],
  ["", "sys", "directory"],
  ["", ".dockerenv", "file"],
  ["etc", "resolv.conf", "file"],
  ["etc", "hosts", "file"],
  ["etc", "hostname", "file"],
  ["etc", "mtab", { symlink: "/proc/mounts" }],
];

/** Of files too: that they are executable is as moby has it. */
const MODE = 0o755;

/**
 * @param dir content directory of the new layer, empty; @param below those of the image's layers, topmost first
 * @param privileged whether the process can give owners, as only root's can
 */
export function fillInitLayer(dir: string, below: readonly string[], privileged: boolean): void {
  using union = new Union([dir, ...below], { userXattrs: !seesTrusted() });
  using upper = new UpperLayer(union, privileged);
  for (const item of ITEMS) {
    removeObstacles(union, upper, item);
    put(union, upper, item);
  }
}

/**
 * Whatever is no directory gives way, on every level: an image whose `/etc` is a symlink has none in its containers.
 */
function removeObstacles(union: Union, upper: UpperLayer, [directory, name]: Item): void {
  for (const path of directory === "" ? [name] : [directory, `${directory}/${name}`]) {
    using found = union.locate(byteStringOf(path), "none");
    if (found.entry !== null && found.entry.type !== "directory") upper.remove(found.directory, found.entry);
  }
}

function put(union: Union, upper: UpperLayer, [directory, name, content]: Item): void {
  const [parent, base] = [byteStringOf(directory), byteStringOf(name)];
  const path = (directory === "" ? base : `${parent}/${base}`) as ByteString;
  using found = union.locate(path, "none");
  if (found.entry !== null) return;
  upper.makeDirectories(content === "directory" ? path : parent, MODE);
  if (content === "directory") return;
  if (content === "file") upper.makeFile(parent, base, MODE);
  else upper.makeSymlink(parent, base, byteStringOf(content.symlink));
}
