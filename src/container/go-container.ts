/** Parts of a container's JSON of dockerd 20.10 as they come out again: defaults filled in, keys in Go's order. */
import { isJsonObject, type JsonObject, objectOf } from "../model/go-shape.js";
import { goStruct, type Rule, sorted } from "../store/go-config.js";

const nothing = (...keys: readonly string[]): Rule[] => keys.map((key) => ({ key, zero: null }));
const texts = (...keys: readonly string[]): Rule[] => keys.map((key) => ({ key, zero: "" }));
const numbers = (...keys: readonly string[]): Rule[] => keys.map((key) => ({ key, zero: 0 }));
const flags = (...keys: readonly string[]): Rule[] => keys.map((key) => ({ key, zero: false }));
const optional = (...keys: readonly string[]): Rule[] => keys.map((key) => ({ key, omit: true }));

const LOG = { Type: "json-file", Config: {} };

/** api/types/container/host_config.go */
const HOST_CONFIG: readonly Rule[] = [
  ...nothing("Binds"),
  ...texts("ContainerIDFile"),
  // A daemon that is told nothing else chooses this.
  { key: "LogConfig", zero: LOG, as: (value) => (isJsonObject(value) && value["Type"] ? value : LOG) },
  ...texts("NetworkMode"),
  ...nothing("PortBindings"),
  { key: "RestartPolicy", zero: { Name: "", MaximumRetryCount: 0 } },
  ...flags("AutoRemove"),
  ...texts("VolumeDriver"),
  ...nothing("VolumesFrom", "CapAdd", "CapDrop"),
  ...texts("CgroupnsMode"),
  // Filled in when a container is loaded: moby container/container.go, `InitDNSHostConfig`.
  ...["Dns", "DnsOptions", "DnsSearch"].map((key) => ({ key, zero: [] })),
  ...nothing("ExtraHosts", "GroupAdd"),
  ...texts("IpcMode", "Cgroup"),
  ...nothing("Links"),
  ...numbers("OomScoreAdj"),
  ...texts("PidMode"),
  ...flags("Privileged", "PublishAllPorts", "ReadonlyRootfs"),
  ...nothing("SecurityOpt"),
  ...optional("StorageOpt", "Tmpfs"),
  ...texts("UTSMode", "UsernsMode"),
  ...numbers("ShmSize"),
  ...optional("Sysctls", "Runtime"),
  { key: "ConsoleSize", zero: [0, 0] },
  ...texts("Isolation"),
  ...numbers("CpuShares", "Memory", "NanoCpus"),
  ...texts("CgroupParent"),
  ...numbers("BlkioWeight"),
  ...nothing("BlkioWeightDevice", "BlkioDeviceReadBps", "BlkioDeviceWriteBps"),
  ...nothing("BlkioDeviceReadIOps", "BlkioDeviceWriteIOps"),
  ...numbers("CpuPeriod", "CpuQuota", "CpuRealtimePeriod", "CpuRealtimeRuntime"),
  ...texts("CpusetCpus", "CpusetMems"),
  ...nothing("Devices", "DeviceCgroupRules", "DeviceRequests"),
  ...numbers("KernelMemory", "KernelMemoryTCP", "MemoryReservation", "MemorySwap"),
  ...nothing("MemorySwappiness", "OomKillDisable", "PidsLimit", "Ulimits"),
  ...numbers("CpuCount", "CpuPercent", "IOMaximumIOps", "IOMaximumBandwidth"),
  ...optional("Mounts"),
  ...nothing("MaskedPaths", "ReadonlyPaths"),
  ...optional("Init"),
];

/** api/types/network/network.go, `EndpointSettings` */
const ENDPOINT: readonly Rule[] = [
  ...nothing("IPAMConfig", "Links", "Aliases"),
  ...texts("NetworkID", "EndpointID", "Gateway", "IPAddress"),
  ...numbers("IPPrefixLen"),
  ...texts("IPv6Gateway", "GlobalIPv6Address"),
  ...numbers("GlobalIPv6PrefixLen"),
  ...texts("MacAddress"),
  ...nothing("DriverOpts"),
];

/** api/types/types.go: `NetworkSettingsBase`, then `DefaultNetworkSettings` of the network `bridge`. */
const NETWORK_BASE: readonly Rule[] = [
  ...texts("Bridge", "SandboxID"),
  ...flags("HairpinMode"),
  ...texts("LinkLocalIPv6Address"),
  ...numbers("LinkLocalIPv6PrefixLen"),
  { key: "Ports", zero: {}, as: (value) => sorted(value, (bindings) => bindings) },
  ...texts("SandboxKey"),
  ...nothing("SecondaryIPAddresses", "SecondaryIPv6Addresses"),
];
const DEFAULT_NETWORK: readonly Rule[] = [
  ...texts("EndpointID", "Gateway", "GlobalIPv6Address"),
  ...numbers("GlobalIPv6PrefixLen"),
  ...texts("IPAddress"),
  ...numbers("IPPrefixLen"),
  ...texts("IPv6Gateway", "MacAddress"),
];

/** api/types/types.go, `MountPoint` */
const MOUNT_POINT: readonly Rule[] = [
  ...optional("Type", "Name"),
  ...texts("Source", "Destination"),
  ...optional("Driver"),
  ...texts("Mode"),
  ...flags("RW"),
  ...texts("Propagation"),
];

/** @param value of hostconfig.json, where links are not what dockerd tells of them */
export function goHostConfig(value: unknown): JsonObject {
  return goStruct(value, HOST_CONFIG);
}

/** @param value `NetworkSettings` of config.v2.json */
export function goNetworkSettings(value: unknown): JsonObject {
  const stored = objectOf(objectOf(value)["Networks"]);
  const Networks = sorted(stored, (endpoint) => goStruct(endpoint, ENDPOINT)) as JsonObject;
  return { ...goStruct(value, NETWORK_BASE), ...goStruct(Networks["bridge"], DEFAULT_NETWORK), Networks };
}

/** @param value one of `MountPoints` of config.v2.json; @param source where it lies on this machine */
export function goMountPoint(value: JsonObject, source: string): JsonObject {
  // On disk the mode has the name of what it was once for.
  return goStruct({ ...value, Source: source, Mode: value["Relabel"] }, MOUNT_POINT);
}
