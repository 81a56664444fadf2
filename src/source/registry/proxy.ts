/** Which proxy a request goes through: `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, as Go's net/http reads them. */
import { BlockList, isIP } from "node:net";
import { OvlError } from "../../errors.js";
import { isLoopback, withoutPort } from "./host.js";

type Environment = Readonly<Record<string, string | undefined>>;

/** null: none. This machine itself is never asked for through a proxy. Throws USAGE for what is no HTTP proxy. */
export function proxyFor(url: URL, env: Environment = process.env): URL | null {
  const name = url.protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY";
  const proxy = env[name] || env[name.toLowerCase()];
  if (!proxy || isLoopback(url.host) || isExempt(url, env["NO_PROXY"] || env["no_proxy"] || "")) return null;
  const text = /^[a-z0-9+]+:\/\//i.test(proxy) ? proxy : `http://${proxy}`;
  // Without what is written there: it may hold a password.
  if (!URL.canParse(text)) throw new OvlError("USAGE", `${name} is no address of a proxy`, { variable: name });
  const found = new URL(text);
  if (found.protocol === "http:" || found.protocol === "https:") return found;
  const kind = found.protocol.slice(0, -1);
  throw new OvlError("USAGE", `${name} names a proxy of the kind ${kind}; ovl goes through http and https proxies`, {
    variable: name,
  });
}

function isExempt(url: URL, list: string): boolean {
  const host = withoutPort(url.host).toLowerCase();
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  return list
    .split(",")
    .map((entry) => entry.trim().toLowerCase())
    .some((entry) => entry !== "" && matches(entry, host, port));
}

function matches(entry: string, host: string, port: string): boolean {
  if (entry === "*") return true;
  if (entry.includes("/")) return isInNetwork(entry, host);
  const name = withoutPort(entry);
  const entryPort = /:(\d+)$/.exec(isIP(entry) === 0 ? entry : "")?.[1];
  if (entryPort !== undefined && entryPort !== port) return false;
  if (isIP(name) !== 0) return name === host;
  // `.example.com` and `*.example.com` leave the domain itself out, `example.com` does not.
  const domain = name.replace(/^\*?\./, "");
  return host.endsWith(`.${domain}`) || (domain === name && host === domain);
}

function isInNetwork(entry: string, host: string): boolean {
  const [network = "", prefix = ""] = entry.split("/");
  const [family, hostFamily] = [isIP(network), isIP(host)];
  if (family === 0 || family !== hostFamily) return false;
  const type = family === 6 ? "ipv6" : "ipv4";
  try {
    const list = new BlockList();
    list.addSubnet(network, Number(prefix), type);
    return list.check(host, type);
  } catch {
    return false;
  }
}
