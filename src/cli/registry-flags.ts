/** What every command that asks registries can be told about them. */
import type { Credentials, RegistryOptions } from "../source/registry/options.js";
import { boolean, string } from "./oclif/flags.js";

const helpGroup = "REGISTRY";

export const trustFlags = {
  "insecure-registry": string({
    multiple: true,
    multipleNonGreedy: true,
    helpValue: "HOST[:PORT]|NETWORK",
    helpGroup,
    summary: "Speak to this registry without TLS too, or with a certificate that nobody vouches for; repeatable.",
  }),
  cacert: string({
    multiple: true,
    multipleNonGreedy: true,
    helpValue: "FILE",
    helpGroup,
    summary: "Trust this certificate authority, beside /etc/docker/certs.d; repeatable.",
  }),
};

export const credentialFlags = {
  username: string({ char: "u", helpValue: "NAME", helpGroup, summary: "User at the registry." }),
  "password-stdin": boolean({ helpGroup, summary: "Read the password from standard input." }),
};

export const registryFlags = {
  ...trustFlags,
  "registry-mirror": string({
    multiple: true,
    multipleNonGreedy: true,
    helpValue: "URL",
    helpGroup,
    summary: "Ask this one before Docker Hub; repeatable.",
  }),
  ...credentialFlags,
};

export interface RegistryFlags {
  readonly "insecure-registry"?: readonly string[] | undefined;
  readonly cacert?: readonly string[] | undefined;
  readonly "registry-mirror"?: readonly string[] | undefined;
  readonly username?: string | undefined;
  readonly "password-stdin"?: boolean | undefined;
}

/** Throws USAGE for half of a user name and password. */
export async function registryOptions(flags: RegistryFlags, signal: AbortSignal): Promise<RegistryOptions> {
  const { NO_OPTIONS } = await import("../source/registry/options.js");
  return {
    ...NO_OPTIONS,
    insecure: flags["insecure-registry"] ?? [],
    caFiles: flags.cacert ?? [],
    mirrors: flags["registry-mirror"] ?? [],
    credentials: await credentialsOf(flags, signal),
    signal,
  };
}

/** null where the flags name nobody. Throws USAGE, IO, and the signal's reason while the password has not come. */
export async function credentialsOf(flags: RegistryFlags, signal: AbortSignal): Promise<Credentials | null> {
  const { username } = flags;
  const asked = flags["password-stdin"] === true;
  if (username === undefined && !asked) return null;
  const { OvlError } = await import("../errors.js");
  if (username === undefined || username === "") {
    throw new OvlError("USAGE", "--password-stdin needs --username NAME");
  }
  if (!asked) {
    throw new OvlError("USAGE", "--username needs --password-stdin: a password on the command line is everybody's");
  }
  const { passwordOnStdin } = await import("./password.js");
  return { username, password: await passwordOnStdin(signal), identityToken: null };
}
