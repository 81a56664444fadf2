/**
 * The one error type of ovl. Every failure that a user can meet carries a stable code, from which the
 * exit status follows, and machine-readable details. A plain `Error` that reaches the command line is a bug (70).
 */

/** Exit status by code. The README says what each status means, docs/schema/error.json lists the codes. */
const EXIT = {
  DIGEST_MISMATCH: 1,
  SIZE_MISMATCH: 1,
  DIFF_ID_MISMATCH: 1,
  IMAGE_ID_MISMATCH: 1,
  USAGE: 2,
  NOT_FOUND: 3,
  AMBIGUOUS: 3,
  NO_PLATFORM: 3,
  BAD_ARCHIVE: 4,
  BAD_MANIFEST: 4,
  BAD_CONFIG: 4,
  BAD_TAR: 4,
  DUPLICATE_PATH: 4,
  PATH_ESCAPE: 4,
  UNSUPPORTED_MEDIA_TYPE: 4,
  TOO_MANY_LAYERS: 4,
  BAD_ROOT: 4,
  LOCKED: 5,
  DAEMON_RUNNING: 5,
  IN_USE: 5,
  PERMISSION: 6,
  NO_SPACE: 6,
  IO: 6,
  UNAUTHORIZED: 7,
  REGISTRY: 7,
  NETWORK: 7,
  INTERRUPTED: 130,
  TERMINATED: 143,
  INTERNAL: 70,
} as const;

export type ErrorCode = keyof typeof EXIT;

/** Details of an error; what `--json` prints beside code, message and exit. */
export type ErrorFields = Readonly<Record<string, string | number | boolean | null | readonly string[]>>;

/** An error as plain data: what crosses a worker thread and what `--json` prints. */
export interface ErrorData {
  readonly code: ErrorCode;
  readonly message: string;
  readonly fields: ErrorFields;
}

export class OvlError extends Error {
  override readonly name = "OvlError";
  readonly code: ErrorCode;
  readonly fields: ErrorFields;

  constructor(code: ErrorCode, message: string, fields: ErrorFields = {}, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
    this.fields = fields;
  }

  /** Process exit status of this error. */
  get exit(): number {
    return EXIT[this.code];
  }

  toData(): ErrorData {
    return { code: this.code, message: this.message, fields: this.fields };
  }

  static fromData(data: ErrorData): OvlError {
    return new OvlError(data.code, data.message, data.fields);
  }
}

/** Whether an error tells something about bytes that were read, and not about the machine that they are read on. */
export function isAboutContent(error: unknown): error is OvlError {
  return error instanceof OvlError && (error.exit === 1 || error.exit === 4);
}

/** One error for several: what all of them say, with the code and the details of the first; null for none. */
export function joined(errors: readonly OvlError[], fields: ErrorFields = {}): OvlError | null {
  const [first] = errors;
  if (first === undefined) return null;
  return new OvlError(first.code, errors.map(({ message }) => message).join("; "), { ...first.fields, ...fields });
}

const ERRNO_CODE: Readonly<Record<string, ErrorCode>> = {
  EACCES: "PERMISSION",
  EPERM: "PERMISSION",
  EROFS: "PERMISSION",
  ENOSPC: "NO_SPACE",
  EDQUOT: "NO_SPACE",
};

/**
 * What the operating system refused, as an OvlError.
 * @param errno its symbolic name, such as `ENOSPC`
 * @param doing what was being done, in the infinitive: `write /r/overlay2/ab/diff/x`
 */
export function osError(errno: string, doing: string, fields: ErrorFields = {}, cause?: unknown): OvlError {
  const code = ERRNO_CODE[errno] ?? "IO";
  return new OvlError(code, `cannot ${doing}: ${errno}`, { errno, ...fields }, { cause });
}

/** What Node calls `UNKNOWN` or `Unknown system error -122`, by the numbers of Linux. */
const UNKNOWN_TO_NODE: Readonly<Record<number, string>> = { 116: "ESTALE", 117: "EUCLEAN", 122: "EDQUOT" };

/** The symbolic name of a system error that Node threw; `""` for anything else. */
export function errnoOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return "";
  const { code, errno } = thrown as NodeJS.ErrnoException;
  return (errno === undefined ? undefined : UNKNOWN_TO_NODE[-errno]) ?? (typeof code === "string" ? code : "");
}

interface Suppressed extends Error {
  readonly suppressed: unknown;
}

/** Any thrown value as an OvlError: Node's system errors by errno, everything else as INTERNAL. */
export function asOvlError(thrown: unknown): OvlError {
  if (thrown instanceof OvlError) return thrown;
  // Cleaning up after a failure failed as well: the first one is why.
  if (thrown instanceof Error && thrown.name === "SuppressedError")
    return asOvlError((thrown as Suppressed).suppressed);
  if (thrown instanceof Error) {
    const { syscall, path: named, dest } = thrown as NodeJS.ErrnoException & { readonly dest?: string };
    const errno = errnoOf(thrown);
    // Of a symlink Node calls `path` what it says, and `dest` where it is.
    const path = syscall === "symlink" ? dest : named;
    if (errno !== "" && typeof syscall === "string") {
      return osError(
        errno,
        path === undefined ? syscall : `${syscall} ${path}`,
        path === undefined ? {} : { path },
        thrown,
      );
    }
    return new OvlError("INTERNAL", thrown.message, {}, { cause: thrown });
  }
  return new OvlError("INTERNAL", String(thrown));
}
