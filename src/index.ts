/**
 * The public API: what the commands are made of. Everything else in the package may change without notice.
 *
 *     await using store = await openStore({ root: "/srv/images", driver: null }, "write");
 *     const { source } = await openSource("./app.oci.tar");
 *     await using _ = source;
 *     await pull(store, await source.images({ name: null, platform: null }), options);
 */
export { type ContainerUse, type DuResult, type ImageUse, type RootUse, rootUse } from "./audit/du.js";
export { FSCK_CODES, type FsckCode, type Severity } from "./audit/fsck-codes.js";
export type { FsckProblem, FsckReport } from "./audit/fsck-report.js";
export { type FsckOptions, fsck, fsckRepair } from "./audit/fsck-run.js";
export { findOwners, type Owner, type Owners } from "./audit/owner.js";
export { Timeline, type TimelineWarning } from "./audit/timeline.js";
export { eventLine, fileLine } from "./audit/timeline-bodyfile.js";
export type { EventKind, FileFact, TimelineEvent } from "./audit/timeline-event.js";
export { type Waste, type WasteItem, type WasteKind, wasteOf } from "./audit/waste.js";
export { listStored, type StoredListing } from "./audit/waste-stored.js";
export { type ChangeRecord, type Changes, changesFrom, containerChanges } from "./container/changes-of.js";
export { type CommitOptions, type CommitResult, commitContainer } from "./container/commit.js";
export { type Copied, type CopyOptions, copyIn, copyOut } from "./container/copy.js";
export { type CopyEnd, copyEnd } from "./container/copy-paths.js";
export { type CreatedContainer, type CreateOptions, createContainer } from "./container/create.js";
export { inspectContainer } from "./container/inspect.js";
export { type ContainerSummary, type ListedContainer, listContainers } from "./container/list.js";
export { type Mounted, type MountRequest, mountContainer, mountImage } from "./container/mount.js";
export { type ListedMount, listMounts } from "./container/mount-list.js";
export { type RemoveContainersResult, removeContainers } from "./container/remove.js";
export type { RunOptions } from "./container/run-config.js";
export type { ContainerState, Status } from "./container/state.js";
export { mountsOf, unmountAll } from "./container/umount.js";
export { type ErrorCode, type ErrorData, type ErrorFields, OvlError } from "./errors.js";
export type { LayerWarning } from "./layer/job.js";
export type { LayerEnd, LayerProgress } from "./layer/progress.js";
export { type HistoryEntry, type ImageConfig, parseImageConfig } from "./model/config.js";
export {
  type CacheId,
  type ChainId,
  chainIdOf,
  chainIdsOf,
  type DiffId,
  type Digest,
  type ImageId,
  imageIdOf,
  isChainId,
  isDiffId,
  isDigest,
  isImageId,
} from "./model/digest.js";
export { formatPlatform, hostPlatform, type Platform, parsePlatform } from "./model/platform.js";
export { familiarString, fullString, parseReference, type Reference } from "./model/reference.js";
export { type FileRecord, listFiles } from "./rootfs/files.js";
export type { UnionLayer } from "./rootfs/layers.js";
export { type OpenedRootfs, openRootfs, openSingleLayer } from "./rootfs/open.js";
export { type Which, type WhichLayer, which } from "./rootfs/which.js";
export type { ClaimedLayer, DamagedImage, OnDamage } from "./source/damage.js";
export { type OpenedSource, openSource } from "./source/open-source.js";
export type { ImageSource, Selection, SourceImage, SourceKind, SourceLayer } from "./source/source.js";
export { type Chain, type ChainLink, configChain, imageChain, lowerDirOption } from "./store/chain.js";
export { configHistory, type HistoryStep, imageHistory } from "./store/history.js";
export { type ImageFilter, type ImageSummary, listImages } from "./store/images.js";
export { type RootInfo, rootInfo } from "./store/info.js";
export { inspectConfig, inspectImage } from "./store/inspect.js";
export { listSource } from "./store/list-source.js";
export { type PruneOptions, pruneImages } from "./store/prune.js";
export { type PulledImage, type PulledLayer, type PullOptions, type PullResult, pull } from "./store/pull.js";
export { type RemoveOptions, type RemoveResult, removeImages } from "./store/remove.js";
export { resolveImage } from "./store/resolve.js";
export { findContainer, resolveContainer } from "./store/resolve-container.js";
export { openStore, type Store, type StoreOptions } from "./store/store.js";
export { tagImage } from "./store/tag.js";
export type { Problem, Verification } from "./store/verification.js";
export { type VerifyOptions, verifySource } from "./store/verify-source.js";
export { StoredVerifier } from "./store/verify-stored.js";
export type { StoreWarning } from "./store/warning.js";
