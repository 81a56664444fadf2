/** Registries that need no TLS because the user says so: dockerd's `--insecure-registry`, hosts and networks. */
import { lookup } from "node:dns/promises";
import { BlockList, isIP } from "node:net";
import { OvlError } from "../../errors.js";
import { withoutPort } from "./host.js";

export class InsecureHosts {
  readonly #hosts = new Set<string>();
  readonly #networks = new BlockList();
  readonly #known = new Map<string, Promise<boolean>>();
  #hasNetworks = false;

  /** @param entries `host`, `host:port`, or a network (`10.0.0.0/8`). Throws USAGE for anything else. */
  constructor(entries: readonly string[]) {
    for (const entry of entries) {
      // As dockerd takes it: people copy addresses.
      const text = entry.replace(/^https?:\/\//, "").replace(/\/$/, "");
      if (text.includes("/")) this.#addNetwork(text);
      else if (/^(?:\[[0-9A-Fa-f:.]+\]|[^\s@:[\]]+)(?::\d+)?$/.test(text)) this.#hosts.add(canonical(text));
      else throw refused();
    }
  }

  /** Whether a host, with its port where it has one, is named, or one of its addresses lies in a network that is. */
  has(host: string): Promise<boolean> {
    const key = canonical(host);
    const known = this.#known.get(key) ?? this.#find(key);
    this.#known.set(key, known);
    return known;
  }

  async #find(host: string): Promise<boolean> {
    if (this.#hosts.has(host)) return true;
    if (!this.#hasNetworks) return false;
    const addresses = await addressesOf(withoutPort(host));
    return addresses.some((address) => this.#networks.check(address, isIP(address) === 6 ? "ipv6" : "ipv4"));
  }

  #addNetwork(text: string): void {
    const [address = "", prefix = "", ...rest] = text.split("/");
    const family = isIP(address);
    const bits = /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN;
    if (family === 0 || rest.length > 0 || !(bits <= (family === 6 ? 128 : 32))) throw refused();
    this.#networks.addSubnet(address, bits, family === 6 ? "ipv6" : "ipv4");
    this.#hasNetworks = true;
  }
}

/** The same for every way to write a host: URLs leave out the port that https has anyway. */
function canonical(host: string): string {
  return host.toLowerCase().replace(/:443$/, "");
}

/** None for a name that cannot be looked up: behind a proxy that is the rule, and dockerd then asks for TLS. */
async function addressesOf(host: string): Promise<readonly string[]> {
  if (isIP(host) !== 0) return [host];
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address);
  } catch {
    return [];
  }
}

/** Without what was written there: it may be an address with a password in it. */
function refused(): OvlError {
  return new OvlError("USAGE", "--insecure-registry takes HOST, HOST:PORT or a network such as 10.0.0.0/8");
}
