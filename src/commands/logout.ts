import { OvlCommand } from "../cli/base.js";
import { string } from "../cli/oclif/args.js";

export default class Logout extends OvlCommand {
  static override readonly summary = "Forget the credentials for a registry.";
  static override readonly description =
    "Takes them out of docker's config.json and of the credential helper that it names. Where there are none, nothing happens.";
  static override readonly usage = "logout [REGISTRY] [FLAGS]";
  static override readonly examples = ["<%= config.bin %> logout registry.example.com"];
  static override readonly args = {
    registry: string({ ignoreStdin: true, description: "Host, with its port; default: Docker Hub." }),
  };

  async run() {
    const { args, flags } = await this.parse(Logout);
    const [{ registryOf }, { logout }] = await Promise.all([
      import("../cli/login.js"),
      import("../source/registry/login.js"),
    ]);
    const registry = registryOf(args.registry);
    const wasKnown = await logout(registry);
    const text = () => (wasKnown ? `Logged out of ${registry}` : `There were no credentials for ${registry}`);
    return this.answer({ registry, removed: wasKnown }, flags, { text, ids: () => [registry] });
  }
}
