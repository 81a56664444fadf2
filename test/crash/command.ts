/**
 * A command that writes, done by the library in a process of its own that can be killed: `node command.js ROOT JSON`,
 * where the JSON is an array of the command's name and its arguments.
 */
import { WRITERS } from "./writers.js";

const [root = "", json = "[]"] = process.argv.slice(2);
const [name = "", ...args] = JSON.parse(json) as string[];
await WRITERS[name as keyof typeof WRITERS](root, ...args);
