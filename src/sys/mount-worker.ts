/** Entry point of the thread that mounts from another directory: see `mountFrom`. */
import { parentPort, workerData } from "node:worker_threads";
import type { ByteString } from "../model/bytes.js";
import { enterAlone, type MountCall, mount } from "./mount.js";

const { directory, call } = workerData as { directory: ByteString; call: MountCall };
const entered = enterAlone(directory);
const { source, target, type, flags, options } = call;
parentPort?.postMessage(entered < 0 ? entered : mount(source, target, type, flags, options));
