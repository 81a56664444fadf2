/** Documents whose examples are run. */
export const DOCUMENTS = ["README.md", "docs/ci.md"] as const;
