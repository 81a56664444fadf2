/** What every command of ovl has: the flags that all share, and one way to answer. */
import type { Command } from "@oclif/core/command";
import type { ArgInput, FlagInput, Input } from "@oclif/core/interfaces";
import type { ChalkInstance } from "chalk";
import type { LayerProgress } from "../layer/progress.js";
import type { RegistryOptions } from "../source/registry/options.js";
import type { Store } from "../store/store.js";
import type { StoreWarning } from "../store/warning.js";
import { wantsJson } from "./argv.js";
import { interruption } from "./interrupt.js";
import { boolean, option, string } from "./oclif/flags.js";
import { parse, type Values } from "./oclif/parse.js";
import { type View, writeJson, writeLines } from "./output.js";
import type { RegistryFlags } from "./registry-flags.js";
import { rootDirectory } from "./root.js";
import type { Targets } from "./target.js";

/** Values of the flags in `OvlCommand.baseFlags`, as far as the base itself reads them. */
export interface GlobalFlags {
  readonly root?: string | undefined;
  readonly "storage-driver"?: "overlay2" | "overlay" | undefined;
  readonly quiet: boolean;
  readonly "no-color": boolean;
  readonly progress: "auto" | "tty" | "plain" | "none";
}

export interface WriteFlags extends GlobalFlags {
  readonly force: boolean;
}

/**
 * Declares what an oclif command declares, so that oclif makes help, completion and suggestions of it, but is none
 * of its classes: loading those takes longer than most commands do.
 */
export abstract class OvlCommand {
  declare static readonly summary: string;
  declare static readonly description: string;
  declare static readonly usage: string | string[];
  declare static readonly examples: Command.Example[];
  static readonly args: ArgInput = {};
  static readonly flags: FlagInput = {};
  /** Whether there may be no more arguments than `args` names. */
  static readonly strict: boolean = true;
  static readonly enableJsonFlag = true;

  static readonly baseFlags = {
    root: string({
      env: "OVL_ROOT",
      helpValue: "DIR",
      helpGroup: "GLOBAL",
      summary: "Root to work on; /var/lib/docker works too.",
    }),
    "storage-driver": option({
      env: "OVL_STORAGE_DRIVER",
      options: ["overlay2", "overlay"] as const,
      helpGroup: "GLOBAL",
      summary: "Driver, where the root does not say it.",
    })(),
    quiet: boolean({ char: "q", helpGroup: "GLOBAL", summary: "Print only identifiers, one a line." }),
    "no-trunc": boolean({ helpGroup: "GLOBAL", summary: "Show ids and commands in full." }),
    progress: option({
      options: ["auto", "tty", "plain", "none"] as const,
      default: "auto",
      helpGroup: "GLOBAL",
      summary: "Progress on stderr; auto is live on a terminal, else nothing.",
    })(),
    "no-color": boolean({ helpGroup: "GLOBAL", summary: "Never colour; NO_COLOR says the same." }),
  };

  protected readonly argv: readonly string[];

  constructor(argv: readonly string[]) {
    this.argv = argv;
  }

  /** Runs the command and prints its answer, where that is to be JSON. Failures are for the caller to report. */
  static async run(this: new (argv: readonly string[]) => OvlCommand, argv: readonly string[]): Promise<void> {
    const command = new this(argv);
    const answer = await command.run();
    if (answer !== undefined && command.jsonEnabled()) writeJson(answer);
  }

  /** What is to be done. @returns the answer's JSON, or nothing where it was written another way */
  abstract run(): Promise<unknown>;

  protected parse<F extends Values, B extends Values, A extends Values>(command: Input<F, B, A>) {
    return parse(this.argv, command);
  }

  /** Whether stdout is for one JSON document. */
  protected jsonEnabled(): boolean {
    return wantsJson(this.argv);
  }

  /** Aborted by SIGINT and SIGTERM. Hand it to all work that can leave something behind. */
  protected get signal(): AbortSignal {
    return interruption();
  }

  /** The root as the flags and the environment name it, for questions. One that is named must be there. */
  protected async reader(flags: GlobalFlags): Promise<Store> {
    const { openStore } = await import("../store/store.js");
    return openStore({ ...rootOptions(flags), mustExist: flags.root !== undefined });
  }

  /** An answer about the root, asked for again where somebody else's work looks like damage. */
  protected async ask<T extends { readonly warnings: readonly StoreWarning[] }>(
    flags: GlobalFlags,
    question: (store: Store) => T,
  ): Promise<T> {
    const { steady } = await import("../store/steady.js");
    return steady({ ...rootOptions(flags), mustExist: flags.root !== undefined }, question);
  }

  /** For commands that ask stored images and sources alike. */
  protected async targets(
    flags: GlobalFlags &
      RegistryFlags & { readonly platform?: string | undefined; readonly "max-layer-size"?: string | undefined },
  ): Promise<Targets> {
    const [{ Targets }, { maxLayerBytesOf, platformOf }, registry] = await Promise.all([
      import("./target.js"),
      import("./flags.js"),
      this.registry(flags),
    ]);
    const platform = await platformOf(flags.platform);
    return new Targets(() => this.reader(flags), platform, registry, await maxLayerBytesOf(flags));
  }

  /** What the flags say about registries. Reads the password from stdin where they say so. */
  protected async registry(flags: RegistryFlags): Promise<RegistryOptions> {
    const { registryOptions } = await import("./registry-flags.js");
    return registryOptions(flags, this.signal);
  }

  /** The root, locked for changes. Only what brings images makes a root where there is none. */
  protected async writer(
    flags: WriteFlags,
    root: "create" | "exists" = "exists",
    signal: AbortSignal = this.signal,
  ): Promise<Store> {
    const { openStore } = await import("../store/store.js");
    if (root === "exists") await openStore({ ...rootOptions(flags), mustExist: true });
    return openStore({ ...rootOptions(flags), force: flags.force, signal }, "write");
  }

  /** The root for what deletes; a dry run only reads, so that it works beside a live daemon. */
  protected async remover(flags: WriteFlags & { readonly "dry-run": boolean }): Promise<Store> {
    return flags["dry-run"] ? this.reader(flags) : this.writer(flags);
  }

  /** A display for work on layers, which `verb` names; ended, the cursor restored, when its scope ends. */
  protected async progress(flags: GlobalFlags, verb: string): Promise<LayerProgress & Disposable> {
    const { progressFor } = await import("./progress/choose.js");
    return progressFor(flags.progress, flags["no-color"], verb);
  }

  /** Paints what goes to stdout, as far as that may be coloured. */
  protected async color(flags: GlobalFlags): Promise<ChalkInstance> {
    const { paint } = await import("./color.js");
    return paint(process.stdout, flags["no-color"]);
  }

  /** Prints the view of an answer, unless it is to be JSON, and gives it back for `run()` to return. */
  protected answer<T>(answer: T, flags: GlobalFlags, view: View): T {
    if (!this.jsonEnabled()) writeLines(flags.quiet ? view.ids().join("\n") : view.text());
    return answer;
  }

  /** What a user should know and that stops nothing: a line each on stderr, in every mode. */
  protected async tell(warnings: readonly { readonly message: string }[], flags: GlobalFlags): Promise<void> {
    if (warnings.length === 0) return;
    const { writeWarnings } = await import("./failure.js");
    writeWarnings(warnings, flags["no-color"]);
  }
}

function rootOptions(flags: GlobalFlags) {
  return { root: rootDirectory(flags.root), driver: flags["storage-driver"] ?? null };
}
