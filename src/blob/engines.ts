import { crc64Engine } from "./crc64.js";
import { gzipEngine } from "./engines/gzip-engine.js";
import { zstdEngine } from "./engines/zstd-engine.js";

/** Which libraries decode and checksum here, for `ovl info`. */
export async function engineNames(): Promise<{ gzip: string; crc64: string; zstd: string }> {
  return { gzip: gzipEngine().name, crc64: (await crc64Engine()).name, zstd: zstdEngine().name };
}
