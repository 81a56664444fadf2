/** Manifests and configs: small documents that decide about everything else, so their bytes are checked first. */
import { verifyBytes } from "../../blob/verify.js";
import { OvlError } from "../../errors.js";
import { MAX_CONFIG_BYTES } from "../../model/config.js";
import { type Digest, isDigest, sha256 } from "../../model/digest.js";
import { type Descriptor, type Index, MAX_MANIFEST_BYTES, type Manifest, parseManifest } from "../../model/manifest.js";
import { DOCKER_LIST, DOCKER_MANIFEST, isSchema1Type, OCI_INDEX, OCI_MANIFEST } from "../../model/media-types.js";
import { pullScope, type Repository } from "./blob-stream.js";
import { readDocument } from "./document.js";
import { Transient, withRetries } from "./retry.js";
import { shownUrl } from "./secrets.js";

const ACCEPTED = [OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST].join(", ");

export interface FoundManifest {
  readonly bytes: Uint8Array;
  readonly digest: Digest;
  readonly size: number;
  /** Empty where the registry does not say it. */
  readonly mediaType: string;
  readonly document: Manifest | Index;
}

/**
 * A manifest by tag or digest, its bytes verified against the digest that was asked for, or that the registry claims.
 * @param actions that the registry is asked to allow: those of the work that this is a part of
 * Throws NOT_FOUND, DIGEST_MISMATCH, BAD_MANIFEST, UNSUPPORTED_MEDIA_TYPE, REGISTRY, NETWORK, UNAUTHORIZED.
 */
export async function fetchManifest(
  { client, path }: Repository,
  reference: string,
  actions = "pull",
): Promise<FoundManifest> {
  const separator = isDigest(reference) ? "@" : ":";
  const subject = `manifest of ${client.domain}/${path}${separator}${reference}`;
  return twice(async () => {
    const { bytes, contentType, claimed } = await withRetries(client.patience, client.signal, async () => {
      const answer = await client.request({
        method: "GET",
        path: `${path}/manifests/${reference}`,
        headers: { accept: ACCEPTED },
        scope: [`repository:${path}:${actions}`],
        accept: [200],
        subject,
        retries: false,
      });
      const contentType = (answer.header("content-type") ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
      const limits = { maxBytes: MAX_MANIFEST_BYTES, within: client.patience.document };
      if (/^text\/html|xhtml/.test(contentType)) {
        answer.body.destroy();
        throw new OvlError("REGISTRY", `${subject}: ${answer.url.host} answers with a web page; is it a registry?`, {
          url: shownUrl(answer.url),
          contentType,
        });
      }
      const claimed = answer.header("docker-content-digest") ?? "";
      return { bytes: await readDocument(answer, limits, client.transport), contentType, claimed };
    });
    const expected = isDigest(reference) ? reference : isDigest(claimed) ? claimed : null;
    verifyBytes(bytes, { digest: expected, size: null, subject });
    const mediaType = meansNothing(contentType) ? "" : contentType;
    const document = parseManifest(bytes, mediaType, subject);
    return { bytes, digest: expected ?? sha256(bytes), size: bytes.length, mediaType, document };
  });
}

/** What an index or a manifest names, checked. Throws SIZE_MISMATCH, BAD_MANIFEST, and what `fetchManifest` throws. */
export async function fetchManifestOf(
  place: Repository,
  { digest, size, mediaType }: Descriptor,
): Promise<Manifest | Index> {
  const found = await fetchManifest(place, digest);
  if (found.size !== size) {
    const subject = `manifest ${digest} of ${place.client.domain}/${place.path}`;
    const message = `${subject}: expected ${size} bytes, but it has ${found.size}`;
    throw new OvlError("SIZE_MISMATCH", message, { subject, expected: size, actual: found.size });
  }
  if (mediaType !== "" && found.mediaType !== "" && mediaType !== found.mediaType) {
    throw new OvlError("BAD_MANIFEST", `manifest ${digest} is served as ${found.mediaType}, but named ${mediaType}`, {
      expected: mediaType,
      actual: found.mediaType,
    });
  }
  return found.document;
}

/** The bytes of an image config, verified. */
export async function fetchConfig({ client, path }: Repository, { digest, size }: Descriptor): Promise<Uint8Array> {
  const subject = `image config ${digest} of ${client.domain}/${path}`;
  if (size > MAX_CONFIG_BYTES) {
    throw new OvlError("BAD_CONFIG", `${subject} is ${size} bytes; at most ${MAX_CONFIG_BYTES} are read`, {
      size,
      limit: MAX_CONFIG_BYTES,
    });
  }
  return twice(async () => {
    const bytes = await withRetries(client.patience, client.signal, async () => {
      const answer = await client.request({
        method: "GET",
        path: `${path}/blobs/${digest}`,
        scope: pullScope(path),
        accept: [200],
        subject,
        retries: false,
      });
      return readDocument(answer, { maxBytes: MAX_CONFIG_BYTES, within: client.patience.document }, client.transport);
    });
    verifyBytes(bytes, { digest, size, subject });
    return bytes;
  });
}

/** Bytes that are not what they should be are asked for once more. */
async function twice<T>(attempt: () => Promise<T>): Promise<T> {
  try {
    return await attempt();
  } catch (thrown) {
    const again = thrown instanceof OvlError && ["DIGEST_MISMATCH", "SIZE_MISMATCH"].includes(thrown.code);
    if (!again || thrown instanceof Transient) throw thrown;
    return await attempt();
  }
}

/** Types that servers give to files that they know nothing of. */
function meansNothing(contentType: string): boolean {
  if (isSchema1Type(contentType)) return false;
  return ["", "application/json", "application/octet-stream", "text/plain"].includes(contentType);
}
