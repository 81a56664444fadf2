/** Where the credentials of a test are: nobody's own, whatever the machine has. */
import { join } from "node:path";

/** The environment in which docker's `config.json` is that of a directory, and the files of podman lie below it. */
export function credentialPlaces(directory: string): Record<string, string> {
  return {
    DOCKER_CONFIG: directory,
    REGISTRY_AUTH_FILE: "",
    XDG_RUNTIME_DIR: join(directory, "run"),
    XDG_CONFIG_HOME: join(directory, "config"),
  };
}

/** Sets variables of this process. @returns what puts them back */
export function withEnvironment(variables: Readonly<Record<string, string>>): () => void {
  const before = Object.keys(variables).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, variables);
  return () => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  };
}
