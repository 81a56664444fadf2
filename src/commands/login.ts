import { OvlCommand } from "../cli/base.js";
import { string } from "../cli/oclif/args.js";
import { credentialFlags, trustFlags } from "../cli/registry-flags.js";

export default class Login extends OvlCommand {
  static override readonly summary = "Store credentials for a registry, where docker keeps them.";
  static override readonly description =
    "The registry is asked first whether it takes them. They go to the credential helper that docker's config.json names, else into that file ($DOCKER_CONFIG, else ~/.docker), which only its owner can read.";
  static override readonly usage = "login [REGISTRY] [FLAGS]";
  static override readonly examples = [
    "<%= config.bin %> login registry.example.com",
    {
      description: "In CI",
      command: 'printf %s "$TOKEN" | <%= config.bin %> login registry.example.com -u ci --password-stdin',
    },
  ];
  static override readonly args = {
    registry: string({ ignoreStdin: true, description: "Host, with its port; default: Docker Hub." }),
  };
  static override readonly flags = { ...trustFlags, ...credentialFlags };

  async run() {
    const { args, flags } = await this.parse(Login);
    const [{ credentialsFor, registryOf }, { login }, { registryOptions }] = await Promise.all([
      import("../cli/login.js"),
      import("../source/registry/login.js"),
      import("../cli/registry-flags.js"),
    ]);
    const registry = registryOf(args.registry);
    const credentials = await credentialsFor(registry, flags, this.signal);
    const { username, "password-stdin": _, ...trust } = flags;
    await login(registry, credentials, await registryOptions(trust, this.signal));
    const answer = { registry, username: credentials.username };
    return this.answer(answer, flags, { text: () => `Logged in to ${registry}`, ids: () => [registry] });
  }
}
