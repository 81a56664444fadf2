/** Colour where it is welcome: on a terminal, without NO_COLOR and without `--no-color`. */
import { Chalk, type ChalkInstance } from "chalk";

/** Paints for one stream; leaves every text as it is where that stream must stay plain. */
export function paint(stream: NodeJS.WriteStream, off: boolean): ChalkInstance {
  const { NO_COLOR, TERM } = process.env;
  const plain = off || stream.isTTY !== true || (NO_COLOR !== undefined && NO_COLOR !== "") || TERM === "dumb";
  return new Chalk({ level: plain ? 0 : 1 });
}
