/** Whom to trust, and who to be: certificates for TLS, where docker looks for them. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { rootCertificates } from "node:tls";
import { asOvlError, OvlError } from "../../errors.js";

const DOCKER_CERTIFICATES = "/etc/docker/certs.d";
/** Where distributions keep what their administrator trusts; Node brings its own list and does not look there. */
const SYSTEM_BUNDLES = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

export interface TlsFiles {
  readonly ca: readonly string[];
  /** Client certificates with their keys, in docker's naming: `x.cert` and `x.key`. */
  readonly cert: readonly string[];
  readonly key: readonly string[];
}

/**
 * Certificates for a host, with its port where it has one.
 * Throws NOT_FOUND and PERMISSION for a file that was named and cannot be read, USAGE for one that has none.
 */
export function tlsFiles(host: string, caFiles: readonly string[]): TlsFiles {
  const directory = join(DOCKER_CERTIFICATES, host);
  const names = namesIn(directory);
  const all = (suffix: string) =>
    names.filter((name) => name.endsWith(suffix)).map((name) => readFileSync(join(directory, name), "utf8"));
  return {
    ca: [...rootCertificates, ...systemBundle(), ...all(".crt"), ...caFiles.map(readNamed)],
    cert: all(".cert"),
    key: all(".key"),
  };
}

function readNamed(path: string): string {
  const text = read(path);
  if (text.includes("-----BEGIN CERTIFICATE-----")) return text;
  throw new OvlError("USAGE", `${path} holds no certificate; --cacert takes a file in PEM form`, { path });
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== "ENOENT") throw asOvlError(thrown);
    throw new OvlError("NOT_FOUND", `no such file: ${path}`, { path }, { cause: thrown });
  }
}

function systemBundle(): string[] {
  const named = process.env["SSL_CERT_FILE"];
  for (const path of named ? [named] : SYSTEM_BUNDLES) {
    try {
      return [readFileSync(path, "utf8")];
    } catch {
      // The next distribution's.
    }
  }
  return [];
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch {
    return [];
  }
}
