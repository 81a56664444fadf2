/** What a reader met in a damaged root and went on without: data for the caller, never printed from here. */
export interface StoreWarning {
  /** Stable upper-snake word. */
  readonly code:
    | "BAD_LAYOUT"
    | "BAD_LAYER"
    | "BAD_IMAGE"
    | "BAD_REPOSITORIES"
    | "BAD_CONTAINER"
    | "UNREAD_CONTAINER"
    | "BAD_MOUNT"
    | "PLATFORM";
  /** The id or the path that it is about. */
  readonly subject: string;
  readonly message: string;
}
