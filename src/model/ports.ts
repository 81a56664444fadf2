/** Ports as `EXPOSE` takes them: `80`, `80/udp`, `8000-8010/tcp`, and with an address and a host port before them. */
import { isIP } from "node:net";

/**
 * The container's ports of a specification, as docker stores them: `80/tcp`; a text says what is wrong with it.
 */
export function parsePorts(spec: string): string[] | { readonly problem: string } {
  // Docker never looks behind a second slash.
  const [ports = "", given = ""] = spec.split("/");
  const protocol = given === "" ? "tcp" : given.toLowerCase();
  if (!["tcp", "udp", "sctp"].includes(protocol)) return { problem: `unknown protocol in ${spec}` };
  // An IPv6 address has brackets, and colons in them.
  const [, address = "", host = "", container = ""] =
    /^(?:(\[[^\]]*\]|[^:]*):)??(?:([^:]*):)?([^:]+)$/.exec(ports) ?? [];
  if (container === "") return { problem: `no port in ${spec}` };
  if (address !== "" && isIP(address.replace(/^\[|\]$/g, "")) === 0) return { problem: `no IP address in ${spec}` };
  const inside = range(container);
  const outside = host === "" ? null : range(host);
  if (inside === null || (host !== "" && outside === null)) return { problem: `${spec} is no port or range of ports` };
  // One port inside may be offered on any of a range.
  if (outside !== null && length(outside) !== length(inside) && length(inside) !== 1) {
    return { problem: `the two ranges of ${spec} differ in length` };
  }
  return Array.from({ length: length(inside) }, (_, i) => `${inside.first + i}/${protocol}`);
}

interface Range {
  readonly first: number;
  readonly last: number;
}

function length({ first, last }: Range): number {
  return last - first + 1;
}

function range(text: string): Range | null {
  const [first, last = first, ...more] = text.split("-").map(port);
  if (first === undefined || first === null || last === null || last === undefined) return null;
  return more.length > 0 || last < first ? null : { first, last };
}

function port(text: string): number | null {
  return /^[0-9]{1,10}$/.test(text) && Number(text) <= 65_535 ? Number(text) : null;
}
