/** What stops a layer without being the layer's fault. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { byteStringOf } from "../../src/model/bytes.js";
import { must } from "../../src/sys/errno.js";
import { MNT_DETACH, MS_RDONLY, MS_REMOUNT, mount, unmount } from "../../src/sys/mount.js";
import { applyTo, dir, file } from "../support/layer-entries.js";
import { oracle } from "../support/oracles.js";
import { scratch } from "../support/tmp.js";

interface Small extends Disposable {
  readonly path: string;
  remount(flags: number): void;
}

/** A filesystem of its own with room for 16 pages. */
function smallFileSystem(): Small {
  const place = scratch("small");
  const path = place.dir("fs");
  const [type, target, options] = [byteStringOf("tmpfs"), byteStringOf(path), byteStringOf("size=64k")];
  must(mount(type, target, type, 0, options), `mount ${path}`);
  return {
    path,
    remount: (flags) => must(mount(type, target, type, MS_REMOUNT | flags, options), `mount ${path} again`),
    [Symbol.dispose]() {
      must(unmount(target, MNT_DETACH), `unmount ${path}`);
      place[Symbol.dispose]();
    },
  };
}

describe("the machine's faults", { skip: oracle("root") }, () => {
  it("a full disk is NO_SPACE, and names the entry", () => {
    using small = smallFileSystem();
    assert.throws(() => applyTo(small.path, [dir("d/"), file("d/big", "x".repeat(100_000))]), {
      code: "NO_SPACE",
      exit: 6,
      message: 'cannot apply entry "d/big": its content: ENOSPC',
      fields: { errno: "ENOSPC", entry: "d/big", place: small.path },
    });
  });

  it("a read-only filesystem is PERMISSION", () => {
    using small = smallFileSystem();
    small.remount(MS_RDONLY);
    assert.throws(() => applyTo(small.path, [file("f", "x")]), { code: "PERMISSION", message: /"f".*EROFS/ });
  });

  it("an overlay filesystem, as a container's own is, takes no whiteouts: PERMISSION, and where to go", () => {
    using place = scratch("on-overlay");
    const [lower, upper, work, merged] = ["lower", "upper", "work", "merged"].map((name) => place.dir(name));
    const [type, target] = [byteStringOf("overlay"), byteStringOf(merged as string)];
    const options = byteStringOf(`lowerdir=${lower},upperdir=${upper},workdir=${work}`);
    must(mount(type, target, type, 0, options), `mount ${merged}`);
    try {
      assert.throws(() => applyTo(merged as string, [dir("d/"), file("d/.wh.a", "")]), {
        code: "PERMISSION",
        message: /^cannot apply entry "d\/\.wh\.a": .*overlay filesystem.*choose a root on another one.*: EPERM$/,
      });
    } finally {
      must(unmount(target, MNT_DETACH), `unmount ${merged}`);
    }
  });
});
