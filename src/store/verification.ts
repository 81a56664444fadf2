/** What verifying an image answers: findings, not a first failure. Text, JSON and exit status are made from it. */
import { type ErrorCode, isAboutContent, type OvlError } from "../errors.js";
import type { DiffId, ImageId } from "../model/digest.js";

/** Something that is not what it claims to be. */
export interface Problem {
  readonly code: ErrorCode;
  /** The identifier, or the path of the file, that is at fault. */
  readonly subject: string;
  readonly expected: string | null;
  readonly actual: string | null;
  readonly message: string;
}

export interface Verification {
  readonly imageId: ImageId;
  readonly ok: boolean;
  /** Bottom to top. */
  readonly layers: readonly { readonly diffId: DiffId; readonly ok: boolean }[];
  readonly problems: readonly Problem[];
}

/** A failure as a finding; rethrown where it says nothing about the content. */
export function problemOf(thrown: unknown, subject: string): Problem {
  if (!isAboutContent(thrown)) throw thrown;
  return asProblem(thrown, subject);
}

export function asProblem({ code, message, fields: { expected, actual, path } }: OvlError, subject: string): Problem {
  return { code, subject: textOf(path) ?? subject, expected: textOf(expected), actual: textOf(actual), message };
}

/** Exit status: 1 where something is not what it claims to be, 6 where all that is wrong is what could not be read. */
export function statusOf(problems: readonly Problem[]): 0 | 1 | 6 {
  if (problems.length === 0) return 0;
  return problems.every(({ code }) => code === "PERMISSION" || code === "IO") ? 6 : 1;
}

function textOf(value: unknown): string | null {
  return value === undefined || value === null ? null : String(value);
}
