/**
 * Platform of an image: OCI image-spec, image-index.md. Spelling and order of preference are containerd's,
 * which docker uses too.
 */
import { OvlError } from "../errors.js";

export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant: string | null;
}

/** `os/arch[/variant]`, and `arch` or `linux` alone. Throws USAGE. */
export function parsePlatform(text: string): Platform {
  const parts = text.split("/");
  const [first = "", architecture, variant] = parts;
  if (parts.length > 3 || parts.some((part) => !/^[A-Za-z0-9_.-]+$/.test(part))) {
    throw new OvlError("USAGE", `not a platform: ${JSON.stringify(text)}; expected os/arch[/variant], as linux/arm64`);
  }
  if (architecture !== undefined) return normalizePlatform({ os: first, architecture, variant: variant ?? null });
  const host = hostPlatform();
  if (["linux", "windows", "darwin", "freebsd"].includes(first.toLowerCase())) return { ...host, os: first };
  return normalizePlatform({ os: host.os, architecture: first, variant: null });
}

/** As `parsePlatform` takes it. */
export function formatPlatform({ os, architecture, variant }: Platform): string {
  return [os || "unknown", architecture || "unknown", ...(variant === null ? [] : [variant])].join("/");
}

/** The one spelling of a platform: `x86_64` is `amd64`, `arm` is `arm/v7`, `arm64/v8` is `arm64`. */
export function normalizePlatform(platform: Platform): Platform {
  const os = platform.os.toLowerCase() === "macos" ? "darwin" : platform.os.toLowerCase();
  const given = platform.architecture.toLowerCase();
  const variant = platform.variant === "" ? null : (platform.variant?.toLowerCase() ?? null);
  switch (given) {
    case "i386":
      return { os, architecture: "386", variant: null };
    case "x86_64":
    case "x86-64":
    case "amd64":
      return { os, architecture: "amd64", variant: variant === "v1" ? null : variant };
    case "aarch64":
    case "arm64":
      return { os, architecture: "arm64", variant: /^v?8(?:\.0)?$/.test(variant ?? "8") ? null : withV(variant) };
    case "armhf":
      return { os, architecture: "arm", variant: "v7" };
    case "armel":
      return { os, architecture: "arm", variant: "v6" };
    case "arm":
      return { os, architecture: "arm", variant: withV(variant ?? "7") };
    default:
      return { os, architecture: given, variant };
  }
}

function withV(variant: string | null): string | null {
  return variant !== null && /^\d/.test(variant) ? `v${variant}` : variant;
}

/** Node's names of architectures that Go calls otherwise. `ppc64` of Node is little-endian on every Linux it has. */
const GO_ARCH: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386", ppc64: "ppc64le", mipsel: "mipsle" };

/** What images run on this machine. */
export function hostPlatform(): Platform {
  const architecture = GO_ARCH[process.arch] ?? process.arch;
  const armVersion = (process.config.variables as { arm_version?: unknown }).arm_version;
  const variant = architecture === "arm" ? `v${armVersion ?? 7}` : null;
  return normalizePlatform({ os: "linux", architecture, variant });
}

/** The platform taken where nobody asked for one: `DOCKER_DEFAULT_PLATFORM`, else the host's. Throws USAGE. */
export function defaultPlatform(env: NodeJS.ProcessEnv = process.env): Platform {
  const named = env["DOCKER_DEFAULT_PLATFORM"];
  return named === undefined || named === "" ? hostPlatform() : parsePlatform(named);
}

/**
 * Index of the platform in `offered` that suits `wanted` best, or null: the very variant first, then lower ones
 * that the same processors run (arm/v7 runs v6 and v5, amd64/v3 runs v2 and plain).
 * The first one wins among equals. Another architecture never suits, even where a processor could run it.
 */
export function bestPlatform(wanted: Platform, offered: readonly (Platform | null)[]): number | null {
  const normalized = offered.map((platform) => platform && normalizePlatform(platform));
  const { os, architecture, variant } = normalizePlatform(wanted);
  for (const candidate of variantsRunBy(architecture, variant)) {
    const index = normalized.findIndex(
      (p) => p !== null && p.os === os && p.architecture === architecture && p.variant === candidate,
    );
    if (index >= 0) return index;
  }
  return null;
}

/** A variant and those it includes, best first. */
function variantsRunBy(architecture: string, variant: string | null): readonly (string | null)[] {
  const version = /^v(\d+)(?:\.(\d+))?$/.exec(variant ?? "");
  if (version === null) return [variant];
  const [major, minor] = [Number(version[1]), Number(version[2] ?? 0)];
  const down = (from: number, to: number) => Array.from({ length: Math.max(0, from - to + 1) }, (_, i) => from - i);
  switch (architecture) {
    case "arm":
      return [variant, ...down(Math.min(major, 9) - 1, 5).map((n) => `v${n}`)];
    case "amd64":
      return [variant, ...down(Math.min(major, 9) - 1, 2).map((n) => `v${n}`), null];
    case "arm64": {
      // Armv9.x includes everything of Armv8.(x+5).
      const eights = major === 9 ? Math.min(minor, 20) + 5 : major === 8 ? Math.min(minor, 20) : -1;
      const nines = major === 9 ? down(Math.min(minor, 20), 0).map((n) => (n === 0 ? "v9" : `v9.${n}`)) : [];
      return [variant, ...nines, ...down(eights, 0).map((n) => (n === 0 ? null : `v8.${n}`))];
    }
    default:
      return [variant];
  }
}
