/** Names by which a layer's tar says what it takes from those below, as aufs had them (OCI image spec, layer.md). */

/** Before the name that goes. */
export const WHITEOUT = ".wh.";
/** Everything that lower layers have in the directory goes. */
export const OPAQUE = ".wh..wh..opq";
/** What aufs kept for itself; it makes nothing. */
export const RESERVED = ".wh..wh.";
