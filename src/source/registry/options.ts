/** What a user may say about registries, and how long ovl waits for them. */
import { certificateDirectories } from "./certificate-paths.js";

export interface Credentials {
  readonly username: string;
  readonly password: string;
  /** In place of a password: what an OAuth2 token service gives access tokens for. */
  readonly identityToken: string | null;
  /** The file of podman or skopeo that they are in, which comes before docker's, where `ovl login` puts them. */
  readonly place?: string;
}

export interface RegistryOptions {
  /**
   * Hosts with their port, and networks, that may be spoken to without TLS or with a certificate
   * that nobody vouches for.
   */
  readonly insecure: readonly string[];
  /** Directories that hold a directory of certificates a registry (`certificates.ts`). */
  readonly certificates: readonly string[];
  /** Files of certificate authorities to trust beside the system's. */
  readonly caFiles: readonly string[];
  /** URLs or hosts that are asked before Docker Hub. */
  readonly mirrors: readonly string[];
  /** Given on the command line; null: those in the user's files. */
  readonly credentials: Credentials | null;
  /** Ends all that is under way. */
  readonly signal?: AbortSignal | undefined;
  readonly patience: Patience;
}

/** Milliseconds, but for counts. */
export interface Patience {
  /** Until a connection stands, TLS included. */
  readonly connect: number;
  /** Until the head of an answer is there, and between two pieces of a blob. */
  readonly idle: number;
  /** For all of a manifest, a config, a token. */
  readonly document: number;
  /** Time spent waiting for a blob in which at least 64 KiB of it must arrive. */
  readonly crawl: number;
  /** Tries of one request, and tries of a blob that bring nothing new. */
  readonly tries: number;
  /** First pause before the next try; it doubles. */
  readonly pause: number;
  /** Pauses of one request in total: a `Retry-After` beyond that is a refusal. */
  readonly pauses: number;
}

/** dockerd tries five times; a registry that restarts is back within these. */
export const PATIENCE: Patience = {
  connect: 15_000,
  idle: 30_000,
  document: 60_000,
  crawl: 30_000,
  tries: 5,
  pause: 250,
  pauses: 60_000,
};

export const NO_OPTIONS: RegistryOptions = {
  insecure: [],
  certificates: certificateDirectories(),
  caFiles: [],
  mirrors: [],
  credentials: null,
  patience: PATIENCE,
};
