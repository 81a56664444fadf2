/** config.v2.json and hostconfig.json as dockerd 20.10 takes them: a key of another type, and it loads no container. */
import * as v from "valibot";
import { runConfigShape } from "./config.js";
import {
  goArray,
  goBool,
  goInt,
  goMap,
  goString,
  goStringMap,
  goStrings,
  goStrSlice,
  goStruct,
  goTime,
  goUint,
  goValues,
  isStrings,
} from "./go-shape.js";

const portMap = goValues(goArray(goStruct({ HostIp: goString, HostPort: goString })));
const fileTarget = v.nullish(goStruct({ Name: goString, UID: goString, GID: goString, Mode: goUint(32) }));

/** api/types/mount/mount.go, `Mount` */
const mount = goStruct({
  Type: goString,
  Source: goString,
  Target: goString,
  ReadOnly: goBool,
  Consistency: goString,
  BindOptions: v.nullish(goStruct({ Propagation: goString, NonRecursive: goBool })),
  VolumeOptions: v.nullish(
    goStruct({
      NoCopy: goBool,
      Labels: goStringMap,
      DriverConfig: v.nullish(goStruct({ Name: goString, Options: goStringMap })),
    }),
  ),
  TmpfsOptions: v.nullish(goStruct({ SizeBytes: goInt, Mode: goUint(32) })),
});

/** container/state.go */
const state = goStruct({
  Running: goBool,
  Paused: goBool,
  Restarting: goBool,
  OOMKilled: goBool,
  RemovalInProgress: goBool,
  Dead: goBool,
  Pid: goInt,
  ExitCode: goInt,
  Error: goString,
  StartedAt: goTime,
  FinishedAt: goTime,
  Health: v.nullish(
    goStruct({
      Status: goString,
      FailingStreak: goInt,
      Log: goArray(goStruct({ Start: goTime, End: goTime, ExitCode: goInt, Output: goString })),
    }),
  ),
});

/** daemon/network/settings.go, `EndpointSettings` */
const endpoint = goStruct({
  IPAMConfig: v.nullish(goStruct({ IPv4Address: goString, IPv6Address: goString, LinkLocalIPs: goStrings })),
  Links: goStrings,
  Aliases: goStrings,
  NetworkID: goString,
  EndpointID: goString,
  Gateway: goString,
  IPAddress: goString,
  IPPrefixLen: goInt,
  IPv6Gateway: goString,
  GlobalIPv6Address: goString,
  GlobalIPv6PrefixLen: goInt,
  MacAddress: goString,
  DriverOpts: goStringMap,
  IPAMOperational: goBool,
});

const service = goStruct({
  ID: goString,
  Name: goString,
  Aliases: goMap(isStrings, "arrays of strings"),
  VirtualAddresses: goValues(goStruct({ IPv4: goString, IPv6: goString })),
  ExposedPorts: goArray(
    goStruct({ Name: goString, Protocol: goInt, TargetPort: goUint(32), PublishedPort: goUint(32) }),
  ),
});

const addresses = goArray(goStruct({ Addr: goString, PrefixLen: goInt }));

const networkSettings = goStruct({
  Bridge: goString,
  SandboxID: goString,
  HairpinMode: goBool,
  LinkLocalIPv6Address: goString,
  LinkLocalIPv6PrefixLen: goInt,
  Networks: goValues(endpoint),
  Service: v.nullish(service),
  Ports: portMap,
  SandboxKey: goString,
  SecondaryIPAddresses: addresses,
  SecondaryIPv6Addresses: addresses,
  IsAnonymousEndpoint: goBool,
  HasSwarmEndpoint: goBool,
});

/** volume/mounts/mounts.go, `MountPoint` */
const mountPoint = goStruct({
  Source: goString,
  Destination: goString,
  RW: goBool,
  Name: goString,
  Driver: goString,
  Type: goString,
  Relabel: goString,
  Propagation: goString,
  Named: goBool,
  ID: goString,
  Spec: v.nullish(mount),
  SkipMountpointCreation: goBool,
});

/** container/container.go */
export const containerShape = goStruct({
  StreamConfig: v.nullish(goStruct({})),
  State: v.nullish(state),
  ID: goString,
  Created: goTime,
  Managed: goBool,
  Path: goString,
  Args: goStrings,
  Config: v.nullish(runConfigShape),
  Image: goString,
  NetworkSettings: v.nullish(networkSettings),
  LogPath: goString,
  Name: goString,
  Driver: goString,
  OS: goString,
  MountLabel: goString,
  ProcessLabel: goString,
  RestartCount: goInt,
  HasBeenStartedBefore: goBool,
  HasBeenManuallyStopped: goBool,
  MountPoints: goValues(mountPoint),
  SecretReferences: goArray(goStruct({ File: fileTarget, SecretID: goString, SecretName: goString })),
  ConfigReferences: goArray(
    goStruct({ File: fileTarget, Runtime: v.nullish(goStruct({})), ConfigID: goString, ConfigName: goString }),
  ),
  AppArmorProfile: goString,
  HostnamePath: goString,
  HostsPath: goString,
  ShmPath: goString,
  ResolvConfPath: goString,
  SeccompProfile: goString,
  NoNewPrivileges: goBool,
  LocalLogCacheMeta: v.nullish(goStruct({ HaveNotifyEnabled: goBool })),
});

/** `[2]uint`: what more there is Go passes over. */
const pair = v.nullish(
  v.pipe(
    v.array(v.unknown(), "must be an array"),
    v.transform((items) => items.slice(0, 2)),
    v.array(goUint(64)),
  ),
);

const throttles = goArray(goStruct({ Path: goString, Rate: goUint(64) }));

/** api/types/container/host_config.go */
export const hostConfigShape = goStruct({
  Binds: goStrings,
  ContainerIDFile: goString,
  LogConfig: v.nullish(goStruct({ Type: goString, Config: goStringMap })),
  NetworkMode: goString,
  PortBindings: portMap,
  RestartPolicy: v.nullish(goStruct({ Name: goString, MaximumRetryCount: goInt })),
  AutoRemove: goBool,
  VolumeDriver: goString,
  VolumesFrom: goStrings,
  CapAdd: goStrSlice,
  CapDrop: goStrSlice,
  CgroupnsMode: goString,
  Dns: goStrings,
  DnsOptions: goStrings,
  DnsSearch: goStrings,
  ExtraHosts: goStrings,
  GroupAdd: goStrings,
  IpcMode: goString,
  Cgroup: goString,
  Links: goStrings,
  OomScoreAdj: goInt,
  PidMode: goString,
  Privileged: goBool,
  PublishAllPorts: goBool,
  ReadonlyRootfs: goBool,
  SecurityOpt: goStrings,
  StorageOpt: goStringMap,
  Tmpfs: goStringMap,
  UTSMode: goString,
  UsernsMode: goString,
  ShmSize: goInt,
  Sysctls: goStringMap,
  Runtime: goString,
  ConsoleSize: pair,
  Isolation: goString,
  CpuShares: goInt,
  Memory: goInt,
  NanoCpus: goInt,
  CgroupParent: goString,
  BlkioWeight: goUint(16),
  BlkioWeightDevice: goArray(goStruct({ Path: goString, Weight: goUint(16) })),
  BlkioDeviceReadBps: throttles,
  BlkioDeviceWriteBps: throttles,
  BlkioDeviceReadIOps: throttles,
  BlkioDeviceWriteIOps: throttles,
  CpuPeriod: goInt,
  CpuQuota: goInt,
  CpuRealtimePeriod: goInt,
  CpuRealtimeRuntime: goInt,
  CpusetCpus: goString,
  CpusetMems: goString,
  Devices: goArray(goStruct({ PathOnHost: goString, PathInContainer: goString, CgroupPermissions: goString })),
  DeviceCgroupRules: goStrings,
  DeviceRequests: goArray(
    goStruct({
      Driver: goString,
      Count: goInt,
      DeviceIDs: goStrings,
      Capabilities: goArray(goStrings),
      Options: goStringMap,
    }),
  ),
  KernelMemory: goInt,
  KernelMemoryTCP: goInt,
  MemoryReservation: goInt,
  MemorySwap: goInt,
  MemorySwappiness: goInt,
  OomKillDisable: goBool,
  PidsLimit: goInt,
  Ulimits: goArray(goStruct({ Name: goString, Hard: goInt, Soft: goInt })),
  CpuCount: goInt,
  CpuPercent: goInt,
  IOMaximumIOps: goUint(64),
  IOMaximumBandwidth: goUint(64),
  Mounts: goArray(mount),
  MaskedPaths: goStrings,
  ReadonlyPaths: goStrings,
  Init: goBool,
});
