/** Extended attributes from PAX records. */
import { char, dir, fifo, file, hardlink, layer, symlink, whiteout } from "../../support/tar-builder.js";
import { agrees, type Case, loads, refuses } from "./case.js";

/** cap_net_raw+ep as the kernel stores it: version 2, effective. */
const CAPABILITY = Buffer.from("0100000200200000000000000000000000000000", "hex");
/** user::rwx user:1000:r-x group::r-x mask::r-x other::--- */
const ACL = Buffer.from(
  "0200000001000700ffffffff02000500e803000004000500ffffffff10000500ffffffff20000000ffffffff",
  "hex",
);

export const xattrs: readonly Case[] = [
  loads("security capability on a file with a setuid neighbour", [
    layer(
      file("ping", "elf", { mode: 0o755, uid: 3, xattrs: { "security.capability": CAPABILITY } }),
      file("sudo", "elf", { mode: 0o4755, uid: 0 }),
    ),
  ]),
  loads("user and trusted xattrs with binary values", [
    layer(
      file("f", "f", {
        xattrs: {
          "user.text": "value",
          "user.binary": Buffer.from([0, 1, 2, 255, 0, 10, 61, 0]),
          "trusted.note": "for root",
          "user.newline": "a\nb=c\n",
        },
      }),
      dir("d/", { xattrs: { "user.on-dir": "1", "trusted.on-dir": Buffer.alloc(5) } }),
      file("many", "m", {
        xattrs: Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`user.k${i}`, `v${i}`.repeat(i + 1)])),
      }),
    ),
  ]),
  loads("an xattr name with odd characters", [
    layer(file("f", "f", { xattrs: { "user.a b": "1", "user.ünï": "2", "user.x.y.z": "3" } })),
  ]),
  loads("empty xattr values are skipped", [layer(file("f", "f", { xattrs: { "user.empty": "", "user.full": "x" } }))]),
  loads("user xattrs on symlinks, fifos and devices are skipped", [
    layer(
      symlink("s", "x", { xattrs: { "user.no": "1" } }),
      fifo("p", { xattrs: { "user.no": "1" } }),
      char("c", 1, 3, { xattrs: { "user.no": "1" } }),
    ),
  ]),
  loads("trusted xattrs on symlinks, fifos and devices are set", [
    layer(
      symlink("s", "x", { xattrs: { "trusted.yes": "1" } }),
      fifo("p", { xattrs: { "trusted.yes": "2" } }),
      char("c", 1, 3, { xattrs: { "trusted.yes": "3" } }),
    ),
  ]),
  loads("unknown xattr namespaces are skipped", [
    layer(file("f", "f", { xattrs: { "com.apple.quarantine": "q", nodot: "n", "system.nope": "s", "USER.x": "u" } })),
  ]),
  loads("LIBARCHIVE and acl records are no xattrs", [
    layer(
      file("f", "f", {
        pax: {
          "LIBARCHIVE.xattr.user.a": "YQ==",
          "SCHILY.acl.access": "user::rwx",
          "SCHILY.fflags": "nodump",
          "SCHILY.dev": "1",
        },
      }),
    ),
  ]),
  loads("overlay xattrs of the archive are set as given", [
    layer(
      dir("opaque/", { xattrs: { "trusted.overlay.opaque": "y" } }),
      dir("origin/", {
        xattrs: { "trusted.overlay.origin": Buffer.from([0, 251, 33, 0]), "trusted.overlay.impure": "y" },
      }),
      file("redirected", "r", { xattrs: { "trusted.overlay.redirect": "/else/where", "user.overlay.opaque": "y" } }),
    ),
  ]),
  loads("selinux and ima xattrs", [
    layer(
      file("f", "f", {
        xattrs: { "security.selinux": "system_u:object_r:etc_t:s0\0", "security.ima": Buffer.from([1, 2, 3]) },
      }),
    ),
  ]),
  loads("xattrs on a read-only file of another owner", [
    layer(file("f", "f", { mode: 0o400, uid: 1000, xattrs: { "user.a": "1", "security.capability": CAPABILITY } })),
  ]),
  loads("POSIX ACLs and their mask", [
    layer(
      file("acl", "a", { mode: 0o750, xattrs: { "system.posix_acl_access": ACL } }),
      file("masked", "m", { mode: 0o700, xattrs: { "system.posix_acl_access": ACL } }),
      dir("d/", { mode: 0o755, xattrs: { "system.posix_acl_default": ACL } }),
      file("d/inherits", "i", { mode: 0o644 }),
    ),
  ]),
  loads("xattrs of upper layers and hard links", [
    layer(file("f", "1", { xattrs: { "user.layer": "1" } })),
    layer(file("f", "2", { xattrs: { "user.other": "2" } }), hardlink("g", "f", { xattrs: { "user.link": "3" } })),
    layer(whiteout("f", { xattrs: { "user.whiteout": "4", "trusted.whiteout": "5" } })),
  ]),
  agrees("a value of 40000 bytes, too large for ext4", [
    layer(file("f", "f", { xattrs: { "user.big": "b".repeat(40000) } })),
  ]),
  refuses("BAD_TAR", "a value over 64 KiB", [layer(file("f", "f", { xattrs: { "user.big": "b".repeat(65537) } }))]),
  refuses("BAD_TAR", "a malformed capability", [layer(file("f", "f", { xattrs: { "security.capability": "junk" } }))]),
  agrees("a malformed ACL, where the kernel knows ACLs", [
    layer(file("f", "f", { xattrs: { "system.posix_acl_access": "junk" } })),
  ]),
  refuses("BAD_TAR", "an xattr without a name", [layer(file("f", "f", { xattrs: { "": "x" } }))]),
];
