import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { describe, it } from "node:test";
import * as oclif from "@oclif/core/parser";
import fc from "fast-check";
import { OvlCommand } from "../../../src/cli/base.js";
import { boolean, integer, option, string } from "../../../src/cli/oclif/flags.js";
import { parse } from "../../../src/cli/oclif/parse.js";
import { plainly } from "../../../src/cli/oclif/plain.js";

const directory = new URL("../../../src/commands/", import.meta.url);

async function commands(): Promise<Map<string, typeof OvlCommand>> {
  const files = readdirSync(directory).filter((name) => name.endsWith(".js"));
  const found = files.map(async (name) => {
    const { default: command } = (await import(new URL(name, directory).href)) as { default: typeof OvlCommand };
    return [name.slice(0, -3), command] as const;
  });
  return new Map(await Promise.all(found));
}

function declarationsOf(command: typeof OvlCommand) {
  const json = boolean({ description: "Format output as json.", helpGroup: "GLOBAL" });
  return {
    flags: { json, ...command.baseFlags, ...command.flags },
    args: { ...command.args },
    strict: command.strict,
  };
}

type Declared = ReturnType<typeof declarationsOf>;

/** What oclif makes of it; null where it refuses. */
async function asOclif(argv: readonly string[], declared: Declared) {
  const parsed = await oclif.parse([...argv], declared).catch(() => null);
  if (parsed === null) return null;
  const words = parsed.raw.filter(({ type }) => type === "arg").map(({ input }) => input);
  return { flags: parsed.flags, args: parsed.args, argv: words };
}

/** Command lines of the flags there are, and of what can be confused with them. */
function commandLine(declared: Declared): fc.Arbitrary<string[]> {
  const flags = Object.entries(declared.flags);
  const names = flags.map(([name]) => `--${name}`);
  const chars = flags.flatMap(([, { char }]) => (char === undefined ? [] : [char]));
  const options = flags.flatMap(([, flag]) => (flag.type === "option" ? [...(flag.options ?? [])] : []));
  const value = fc.constantFrom("a", "b", "3", "0", "-", "", "a=b", "7x", "-1", "--no-x", "1e1", ...options);
  const word = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...names) },
    { weight: 3, arbitrary: value },
    { weight: 2, arbitrary: fc.tuple(fc.constantFrom(...names), value).map(([name, text]) => `${name}=${text}`) },
    {
      weight: 2,
      arbitrary: fc.array(fc.constantFrom(...chars), { minLength: 1, maxLength: 3 }).map((c) => `-${c.join("")}`),
    },
    { weight: 1, arbitrary: fc.tuple(fc.constantFrom(...chars), value).map(([char, text]) => `-${char}${text}`) },
    {
      weight: 1,
      arbitrary: fc.constantFrom("--", "-=a", "--=a", "-é", "--no-json", "--quie", "-Z", "---", "--constructor"),
    },
  );
  return fc.array(word, { maxLength: 7 });
}

describe("plain arguments", () => {
  it("mean what oclif says they mean, for every command", async () => {
    let plain = 0;
    for (const [id, command] of await commands()) {
      const declared = declarationsOf(command);
      await fc.assert(
        fc.asyncProperty(commandLine(declared), async (argv) => {
          const own = await plainly(argv, declared);
          if (own === null) return;
          plain++;
          assert.deepEqual(own, await asOclif(argv, declared), id);
        }),
        { numRuns: 300 },
      );
    }
    assert.ok(plain > 500, `only ${plain} were plain`);
  });

  it("are all that the examples of the help show", async () => {
    for (const [id, command] of await commands()) {
      for (const example of command.examples) {
        const line = typeof example === "string" ? example : example.command;
        const [, words = ""] = new RegExp(`^<%= config.bin %> ${id} ([^|>'"$]*)$`).exec(line) ?? [];
        const argv = words.split(" ").filter((word) => word !== "" && id !== "create");
        const declared = declarationsOf(command);
        const expected = await asOclif(argv, declared);
        if (expected !== null) assert.deepEqual(await plainly(argv, declared), expected, line);
      }
    }
  });

  it("take the environment for what is not given", async () => {
    const declared = declarationsOf(OvlCommand);
    process.env["OVL_STORAGE_DRIVER"] = "overlay";
    try {
      assert.deepEqual(await plainly([], declared), await asOclif([], declared));
      process.env["OVL_STORAGE_DRIVER"] = "btrfs";
      assert.equal(await plainly([], declared), null, "refused, so for oclif to refuse");
      assert.equal(await asOclif([], declared), null);
      const given = ["--storage-driver", "overlay2"];
      assert.deepEqual(await plainly(given, declared), await asOclif(given, declared));
    } finally {
      delete process.env["OVL_STORAGE_DRIVER"];
    }
  });

  it("are not looked for in declarations that say more than is known here", async () => {
    const declared = { flags: { a: boolean({ dependsOn: ["b"] }), b: boolean() }, args: {}, strict: true };
    assert.equal(await plainly(["-b"], declared), null);
    assert.equal(await plainly([], declared), null);
  });
});

describe("arguments", () => {
  it("keep their order where words are repeated, unlike oclif's", async () => {
    const command = { flags: { name: string(), level: integer({ max: 3 }) }, strict: false };
    assert.deepEqual((await parse(["--name", "sh", "img", "sh", "-", "a", "sh"], command)).argv, [
      ...["img", "sh", "-", "a", "sh"],
    ]);
    // Not plain: a value that may be a flag.
    const { argv, flags } = await parse(["--level", "-3", "b", "a", "b"], command);
    assert.deepEqual([argv, flags.level], [["b", "a", "b"], -3]);
  });

  it("are refused in oclif's words", async () => {
    const command = { flags: { level: integer({ max: 3 }), kind: option({ options: ["x", "y"] as const })() } };
    await assert.rejects(parse(["--level", "4"], command), /less than or equal to 3 but received: 4/);
    await assert.rejects(parse(["--kind", "z"], command), /Expected --kind=z to be one of: x, y/);
    await assert.rejects(parse(["--levle", "4"], command), /Nonexistent flag: --levle/);
  });
});
