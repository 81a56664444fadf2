/** `config.v2.json` of a container that has never run, as dockerd 20.10 writes it. */
import type { ImageId } from "../model/digest.js";
import { type GoStruct, type GoValue, goJson } from "../model/go-json.js";
import { ZERO_TIME } from "../model/time.js";
import type { RunConfig } from "./run-config.js";

export interface NewContainer {
  readonly id: string;
  /** Without the slash that docker puts before it. */
  readonly name: string;
  /** Whether somebody chose the name: it then is one on the network, too. */
  readonly named: boolean;
  readonly imageId: ImageId;
  /** RFC 3339. */
  readonly created: string;
  readonly driver: string;
  readonly run: RunConfig;
  /** `MountPoints` by destination. */
  readonly mountPoints: ReadonlyMap<string, GoValue>;
}

/** The document as dockerd writes it, newline and all. */
export function containerJson(container: NewContainer): string {
  const { id, name, named, imageId, created, driver, run, mountPoints } = container;
  return `${goJson({
    StreamConfig: {},
    State: {
      Running: false,
      Paused: false,
      Restarting: false,
      OOMKilled: false,
      RemovalInProgress: false,
      Dead: false,
      Pid: 0,
      ExitCode: 0,
      Error: "",
      StartedAt: ZERO_TIME,
      FinishedAt: ZERO_TIME,
      Health: null,
    },
    ID: id,
    Created: created,
    Managed: false,
    Path: run.path,
    Args: run.args,
    Config: run.config,
    Image: imageId,
    NetworkSettings: networkSettings(!named),
    LogPath: "",
    Name: `/${name}`,
    Driver: driver,
    OS: "linux",
    MountLabel: "",
    ProcessLabel: "",
    RestartCount: 0,
    HasBeenStartedBefore: false,
    HasBeenManuallyStopped: false,
    MountPoints: mountPoints,
    SecretReferences: null,
    ConfigReferences: null,
    AppArmorProfile: "",
    HostnamePath: "",
    HostsPath: "",
    ShmPath: "",
    ResolvConfPath: "",
    SeccompProfile: "",
    NoNewPrivileges: false,
    LocalLogCacheMeta: { HaveNotifyEnabled: false },
  })}\n`;
}

/** Of the default network, to be connected to when the container starts. */
function networkSettings(anonymous: boolean): GoStruct {
  return {
    Bridge: "",
    SandboxID: "",
    HairpinMode: false,
    LinkLocalIPv6Address: "",
    LinkLocalIPv6PrefixLen: 0,
    Networks: {
      bridge: {
        IPAMConfig: null,
        Links: null,
        Aliases: null,
        NetworkID: "",
        EndpointID: "",
        Gateway: "",
        IPAddress: "",
        IPPrefixLen: 0,
        IPv6Gateway: "",
        GlobalIPv6Address: "",
        GlobalIPv6PrefixLen: 0,
        MacAddress: "",
        DriverOpts: null,
        IPAMOperational: false,
      },
    },
    Service: null,
    Ports: null,
    SandboxKey: "",
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    IsAnonymousEndpoint: anonymous,
    HasSwarmEndpoint: false,
  };
}
