/** Whom to trust, and who to be: certificates for TLS, where docker looks for them. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createSecureContext, rootCertificates } from "node:tls";
import { asOvlError, errnoOf, OvlError } from "../../errors.js";
import type { RegistryOptions } from "./options.js";

/** Where distributions keep what their administrator trusts. */
const SYSTEM_BUNDLES = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

export interface TlsFiles {
  readonly ca: readonly string[];
  /**
   * A client certificate with its key, in docker's naming: `x.cert` and `x.key`. Of several the first by name: which
   * one a server would take is not known before it is asked, and TLS here has room for one.
   */
  readonly client: { readonly cert: string; readonly key: string } | null;
}

/**
 * Certificates for a host, with its port where it has one.
 * @param home the registry that this is about: its authorities count also for its token service and its blob store,
 * as with docker; who we are is for each host alone
 * Throws NOT_FOUND and PERMISSION for a file that was named and cannot be read, USAGE for one that has no certificate,
 * BAD_CONFIG for a client certificate without its key, a key without its certificate, and two that
 * do not belong together.
 */
export function tlsFiles(host: string, home: string, options: RegistryOptions): TlsFiles {
  const directories = (name: string) =>
    namesOf(name).flatMap((one) => options.certificates.map((parent) => join(parent, one)));
  const own = directories(host);
  const trusted = [...new Set([...own, ...directories(home)])];
  const [client = null] = own.flatMap(clientPairs);
  return {
    ca: [...systemAuthorities(), ...trusted.flatMap(authorities), ...options.caFiles.map(readNamed)],
    client,
  };
}

/** URLs leave out the port that https has anyway; directories may have it. */
function namesOf(host: string): string[] {
  const bare = host.replace(/:443$/, "");
  return /:\d+$/.test(bare) ? [bare] : [bare, `${bare}:443`];
}

/** What is no certificate in a `.crt` counts for nothing, as with docker. */
function authorities(directory: string): string[] {
  const files = namesIn(directory).filter((name) => name.endsWith(".crt"));
  return files.map((name) => read(join(directory, name))).filter(hasCertificate);
}

function clientPairs(directory: string): { cert: string; key: string }[] {
  const names = namesIn(directory);
  for (const name of names) {
    const other = counterpart(name);
    if (other === null || names.includes(other)) continue;
    const path = join(directory, name);
    const hint = name.endsWith(".cert") ? "; the certificate of an authority would be named *.crt" : "";
    throw new OvlError("BAD_CONFIG", `${path} has no ${other} beside it${hint}`, {
      path,
      missing: join(directory, other),
    });
  }
  return names.filter((name) => name.endsWith(".cert")).map((name) => pairOf(directory, name));
}

function counterpart(name: string): string | null {
  if (name.endsWith(".cert")) return name.replace(/cert$/, "key");
  return name.endsWith(".key") ? name.replace(/key$/, "cert") : null;
}

function pairOf(directory: string, name: string): { cert: string; key: string } {
  const path = join(directory, name);
  const keyPath = path.replace(/cert$/, "key");
  const pair = { cert: read(path), key: read(keyPath) };
  try {
    createSecureContext(pair);
    return pair;
  } catch {
    // Without what the library says: nobody knows whether it quotes a key.
    throw new OvlError(
      "BAD_CONFIG",
      `${path} and ${keyPath} are not a certificate and its key, in PEM form and without a password`,
      {
        path,
        key: keyPath,
      },
    );
  }
}

function readNamed(path: string): string {
  const text = read(path);
  if (hasCertificate(text)) return text;
  throw new OvlError("USAGE", `${path} holds no certificate; --cacert takes a file in PEM form`, { path });
}

function hasCertificate(text: string): boolean {
  return text.includes("-----BEGIN CERTIFICATE-----");
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (thrown) {
    if (errnoOf(thrown) !== "ENOENT") throw asOvlError(thrown);
    throw new OvlError("NOT_FOUND", `no such file: ${path}`, { path }, { cause: thrown });
  }
}

/** What the administrator trusts, and nobody else: whom they have struck off is not let in by Node's list. */
function systemAuthorities(): readonly string[] {
  const named = process.env["SSL_CERT_FILE"];
  if (named) return [read(named)];
  for (const path of SYSTEM_BUNDLES) {
    try {
      return [readFileSync(path, "utf8")];
    } catch {
      // The next distribution's.
    }
  }
  return rootCertificates;
}

/** Sorted. Nothing where an ordinary user may not look: on some machines docker's settings are root's alone. */
function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch (thrown) {
    if (["ENOENT", "ENOTDIR", "EACCES"].includes(errnoOf(thrown))) return [];
    throw asOvlError(thrown);
  }
}
