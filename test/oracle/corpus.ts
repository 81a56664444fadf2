/** Every image that ovl and dockerd must treat alike, by theme. */
import { archives } from "./corpus/archives.js";
import type { Case } from "./corpus/case.js";
import { configs } from "./corpus/configs.js";
import { headers } from "./corpus/headers.js";
import { lies } from "./corpus/lies.js";
import { links } from "./corpus/links.js";
import { names } from "./corpus/names.js";
import { sets } from "./corpus/sets.js";
import { streams } from "./corpus/streams.js";
import { whiteouts } from "./corpus/whiteouts.js";
import { xattrs } from "./corpus/xattrs.js";

export type { Case } from "./corpus/case.js";

export const corpus: ReadonlyMap<string, readonly Case[]> = new Map([
  ["whiteouts", whiteouts],
  ["names and types", names],
  ["links and ids", links],
  ["xattrs", xattrs],
  ["headers and times", headers],
  ["streams", streams],
  ["configs", configs],
  ["archives", archives],
  ["sets of images and names", sets],
  ["archives that lie", lies],
]);
