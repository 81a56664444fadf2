/** The ports of a container as docker's client shows them: `80/tcp`, `0.0.0.0:8080->80/tcp`. */
import { isJsonObject, type JsonObject, objectOf } from "../model/go-shape.js";

interface Port {
  readonly port: number;
  readonly protocol: string;
  readonly host: string;
}

/** Those that were published or opened when the container started; none of a container that does not run. */
export function portsOf(config: JsonObject): string {
  const network = config["NetworkSettings"];
  const ports = objectOf(objectOf(network)["Ports"]);
  return Object.entries(ports)
    .flatMap(([name, bindings]) => bound(name, bindings))
    .sort((a, b) => a.port - b.port || compare(a.host, b.host) || compare(a.protocol, b.protocol))
    .map(({ port, protocol, host }) => `${host === "" ? "" : `${host}->`}${port}/${protocol}`)
    .join(", ");
}

/** @param name `80/tcp` */
function bound(name: string, bindings: unknown): Port[] {
  const [number = "", protocol = "tcp"] = name.split("/");
  const port = Number(number);
  const hosts = Array.isArray(bindings) ? bindings.filter(isJsonObject) : [];
  if (hosts.length === 0) return [{ port, protocol, host: "" }];
  return hosts.map(({ HostIp, HostPort }) => ({ port, protocol, host: `${HostIp || "0.0.0.0"}:${HostPort ?? ""}` }));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
