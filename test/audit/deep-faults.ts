/** What only --deep finds: changed contents, and what docker save passes over. */
import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  chownSync,
  lutimesSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import type { FsckCode } from "../../src/audit/fsck-codes.js";
import type { FsckRoot } from "./root.js";

export interface DeepFault {
  readonly class: string;
  readonly title: string;
  readonly code: FsckCode;
  readonly inject: (root: FsckRoot) => void;
  /** By itself, with a source only, or not at all. */
  readonly repair: "mended" | "restored" | "stays";
}

const at =
  (name: string) =>
  (root: FsckRoot): string =>
    join(root.layer.dir, "diff", name);
const one = at("only/one");
const notUtf8 = (root: FsckRoot) => Buffer.concat([Buffer.from(at("d/")(root)), Buffer.from([0xff])]);
const split = (root: FsckRoot) => join(root.layer.db, "tar-split.json.gz");

function editSplit(root: FsckRoot, change: (text: string) => string): void {
  writeFileSync(split(root), gzipSync(change(gunzipSync(readFileSync(split(root))).toString("latin1"))));
}

const fault = (
  id: string,
  title: string,
  code: FsckCode,
  repair: DeepFault["repair"],
  inject: (root: FsckRoot) => void,
): DeepFault => ({ class: id, title, code, inject, repair });

export const DEEP_FAULTS: readonly DeepFault[] = [
  fault("L8", "a wrong size", "LAYER_SIZE_WRONG", "mended", (root) => writeFileSync(join(root.layer.db, "size"), "1")),
  fault("L9", "tar-split cut short", "TAR_SPLIT_CORRUPT", "restored", (root) => truncateSync(split(root), 60)),
  fault("L9", "a byte of a header changed in tar-split", "TAR_SPLIT_CORRUPT", "restored", (root) =>
    editSplit(root, (text) => text.replace('"payload":"', '"payload":"AAAA')),
  ),
  fault("L9", "a size of a file changed in tar-split", "TAR_SPLIT_CORRUPT", "restored", (root) =>
    editSplit(root, (text) => text.replace(/"size":\d+/, '"size":9000')),
  ),
  fault("L10", "a byte of a file changed", "CONTENT_CHANGED", "restored", (root) =>
    keepingTime(root, () => writeFileSync(one(root), readFileSync(one(root), "latin1").replace("t", "T"))),
  ),
  fault("L10", "a byte added to a file", "CONTENT_CHANGED", "restored", (root) =>
    keepingTime(root, () => appendFileSync(one(root), "X")),
  ),
  fault("L11", "a file deleted", "CONTENT_MISSING", "restored", (root) => rmSync(one(root))),
  fault("L11", "a file with a name that is not UTF-8 deleted", "CONTENT_MISSING", "restored", (root) =>
    rmSync(notUtf8(root) as unknown as string),
  ),
  fault("L11", "a directory with its file deleted", "ENTRY_MISSING", "restored", (root) =>
    rmSync(at("only")(root), { recursive: true }),
  ),
  fault("L11", "an empty file deleted", "ENTRY_MISSING", "mended", (root) => rmSync(at("empty")(root))),
  fault("L11", "a symlink deleted", "ENTRY_MISSING", "mended", (root) => rmSync(at("s")(root))),
  fault("L11", "a whiteout deleted", "ENTRY_MISSING", "mended", (root) => rmSync(at("d/f1")(root))),
  fault("L11", "a device deleted", "ENTRY_MISSING", "mended", (root) => rmSync(at("device")(root))),
  fault("L11", "a name of a file with two names deleted", "ENTRY_MISSING", "restored", (root) =>
    rmSync(at("d/hard")(root)),
  ),
  fault("L12", "a file made executable", "MODE_CHANGED", "mended", (root) => chmodSync(one(root), 0o755)),
  fault("L12", "set-user-id taken away", "MODE_CHANGED", "mended", (root) => chmodSync(at("d/set")(root), 0o755)),
  fault("L12", "a directory opened to everybody", "MODE_CHANGED", "mended", (root) =>
    chmodSync(at("only")(root), 0o777),
  ),
  fault("L12", "a file given to somebody else", "OWNER_CHANGED", "mended", (root) => chownSync(one(root), 1000, 1000)),
  fault("L12", "a file's time changed", "TIME_CHANGED", "mended", (root) => utimesSync(one(root), 1, 1)),
  fault("L12", "a symlink's time changed", "TIME_CHANGED", "mended", (root) => lutimesSync(at("s")(root), 1, 1)),
  fault("L12", "an attribute changed", "XATTR_CHANGED", "mended", (root) =>
    setfattr(at("d/set")(root), "user.mark", "x"),
  ),
  fault("L12", "an attribute added", "XATTR_CHANGED", "mended", (root) => setfattr(one(root), "user.new", "x")),
  fault("L12", "a capability given", "XATTR_CHANGED", "mended", (root) =>
    setfattr(one(root), "security.capability", "0x0100000200040000000000000000000000000000"),
  ),
  fault("L12", "a directory made opaque", "XATTR_CHANGED", "mended", (root) =>
    setfattr(at("d")(root), "trusted.overlay.opaque", "y"),
  ),
  fault("L12", "an opaque directory opened", "XATTR_CHANGED", "mended", (root) => {
    spawnSync("setfattr", ["-x", "trusted.overlay.opaque", at("o")(root)]);
  }),
  fault("L12", "a symlink bent", "LINK_TARGET_CHANGED", "mended", (root) => {
    rmSync(at("s")(root));
    symlinkSync("/etc/shadow", at("s")(root));
    lutimesSync(at("s")(root), 1_500_000_000, 1_500_000_000);
  }),
  fault("L12", "a symlink in a file's place", "TYPE_CHANGED", "restored", (root) => {
    rmSync(one(root));
    symlinkSync("/etc/passwd", one(root));
  }),
  fault("L12", "a FIFO in a file's place", "TYPE_CHANGED", "restored", (root) => {
    rmSync(one(root));
    spawnSync("mkfifo", [one(root)]);
  }),
  fault("L12", "a file in a directory's place", "TYPE_CHANGED", "restored", (root) => {
    renameSync(at("only")(root), join(root.path, "..", `moved-${process.hrtime.bigint()}`));
    writeFileSync(at("only")(root), "");
  }),
  fault(
    "L12",
    "a directory in the place of a file with a name that is not UTF-8",
    "TYPE_CHANGED",
    "restored",
    (root) => {
      rmSync(notUtf8(root) as unknown as string);
      mkdirSync(Buffer.concat([notUtf8(root), Buffer.from("/somebody's")]), { recursive: true });
    },
  ),
  fault("L12", "a hard link replaced by a copy", "HARD_LINK_BROKEN", "stays", (root) => {
    spawnSync("cp", ["-p", at("d/hard")(root), at("d/copy")(root)]);
    renameSync(at("d/copy")(root), at("d/hard")(root));
  }),
  fault("L12", "a file planted", "FILE_ADDED", "stays", (root) => writeFileSync(at("d/planted")(root), "#!/bin/sh\n")),
  fault("L12", "a directory of files planted", "FILE_ADDED", "stays", (root) => {
    mkdirSync(at("planted/deep")(root), { recursive: true });
    writeFileSync(at("planted/deep/file")(root), "");
  }),
];

function setfattr(path: string, name: string, value: string): void {
  const { status, stderr } = spawnSync("setfattr", ["-h", "-n", name, "-v", value, path]);
  if (status !== 0) throw new Error(`setfattr ${name}: ${stderr}`);
}

/** Whoever changes a file below a store may give it its time back. */
function keepingTime(root: FsckRoot, change: () => void): void {
  change();
  utimesSync(one(root), 1_500_000_000, 1_500_000_000);
}
