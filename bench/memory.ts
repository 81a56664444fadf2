/** Peak memory where it could grow: one huge layer, and very many files in one layer. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { timed } from "./measure.js";
import { fresh, OVL, SCRATCH } from "./peers.js";

/** Each makes `layer.tar.gz` in a directory. */
const CASES: readonly (readonly [string, string])[] = [
  ["one layer with a file of 4 GiB", "truncate -s 4G big && tar -cf - big | gzip -1"],
  ["one layer with 500,000 files", "python3 -c 'MAKE' | gzip -1"],
];

const MANY_FILES = `
import sys, tarfile, io
t = tarfile.open(fileobj=sys.stdout.buffer, mode="w|", format=tarfile.USTAR_FORMAT)
for i in range(500000):
    f = tarfile.TarInfo("d%d/file-%d" % (i // 1000, i)); f.size = 5
    t.addfile(f, io.BytesIO(b"hello"))
t.close()`;

export async function memoryTable(): Promise<string> {
  const lines = ["| case | seconds | peak MiB |", "| --- | ---: | ---: |"];
  for (const [name, make] of CASES) {
    const dir = fresh("memory");
    shell(dir, `${make.replace("MAKE", MANY_FILES.trim())} > layer.tar.gz`);
    const diffId = shell(dir, "gzip -dc layer.tar.gz | sha256sum").slice(0, 64);
    const config = { architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: [`sha256:${diffId}`] } };
    const manifest = [{ Config: "config.json", RepoTags: null, Layers: ["layer.tar.gz"] }];
    shell(dir, `printf %s '${JSON.stringify(config)}' > config.json`);
    shell(dir, `printf %s '${JSON.stringify(manifest)}' > manifest.json`);
    shell(dir, "rm -f big && tar -cf image.tar manifest.json config.json layer.tar.gz && rm layer.tar.gz");
    const root = join(SCRATCH, "memory-root");
    for (const command of [
      ["pull", join(dir, "image.tar"), "--root", fresh("memory-root")],
      ["verify", "--all", "--root", root],
    ]) {
      const { seconds, peakMiB } = await timed({ argv: [...OVL, ...command] });
      lines.push(`| ovl ${command[0]}, ${name} | ${seconds.toFixed(1)} | ${peakMiB} |`);
    }
    fresh("memory-root");
  }
  return `${lines.join("\n")}\n`;
}

function shell(cwd: string, command: string): string {
  const { status, stdout, stderr } = spawnSync("bash", ["-o", "pipefail", "-c", command], { cwd });
  if (status !== 0) throw new Error(`${command}: ${stderr}`);
  return stdout.toString("utf8");
}
