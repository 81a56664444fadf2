/** Hosts of registries: where a domain of a reference is served, and which hosts need no TLS. */
import { isIPv4, isIPv6 } from "node:net";
import { OvlError } from "../../errors.js";

/** As references name it; its API is elsewhere. */
export const DOCKER_HUB = "docker.io";
const DOCKER_HUB_HOST = "registry-1.docker.io";
/** What docker files Docker Hub's credentials under. */
export const DOCKER_HUB_KEY = "https://index.docker.io/v1/";

/** Host and port that serve the registry of a domain. Throws USAGE for one that no address can hold. */
export function hostOf(domain: string): string {
  if (isDockerHub(domain)) return DOCKER_HUB_HOST;
  // Names of images may have ports beyond 65535, and hosts that look like numbers and are no IP address.
  if (URL.canParse(`https://${domain}`)) return domain;
  throw new OvlError(
    "USAGE",
    `${domain} is no registry: no address has such a host and port; expected one such as registry.example.com:5000`,
    { registry: domain },
  );
}

export function isDockerHub(domain: string): boolean {
  return [DOCKER_HUB, "index.docker.io", DOCKER_HUB_HOST].includes(domain);
}

/** Whether a host, with or without a port, is this machine itself. */
export function isLoopback(host: string): boolean {
  const name = withoutPort(host).toLowerCase();
  if (isIPv4(name)) return name.startsWith("127.");
  if (isIPv6(name)) return name === "::1" || /^::ffff:127\./.test(name);
  return name === "localhost" || name.endsWith(".localhost");
}

/** `[::1]:5000` is `::1`. */
export function withoutPort(host: string): string {
  const bracketed = /^\[([^\]]*)\]/.exec(host)?.[1];
  return bracketed ?? (isIPv6(host) ? host : host.replace(/:\d+$/, ""));
}
