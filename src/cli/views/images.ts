/** `ovl images` for people: docker's columns, a row for each name. */
import { type Column, table } from "../table.js";
import { humanAge, humanSize, shortId } from "../units.js";

/** What the table needs of an image. */
export interface ImageSummary {
  readonly id: string;
  readonly repoTags: readonly string[];
  readonly repoDigests: readonly string[];
  readonly created: string | null;
  readonly size: number;
}

const NONE = "<none>";

interface Row {
  readonly image: ImageSummary;
  readonly repository: string;
  readonly tag: string;
  readonly digest: string;
}

export function imageTable(images: readonly ImageSummary[], options: { trunc: boolean; digests: boolean }): string {
  const columns: Column<Row>[] = [
    { head: "REPOSITORY", cell: (row) => row.repository },
    { head: "TAG", cell: (row) => row.tag },
    ...(options.digests ? [{ head: "DIGEST", cell: (row: Row) => row.digest }] : []),
    { head: "IMAGE ID", cell: ({ image }) => (options.trunc ? shortId(image.id) : image.id) },
    { head: "CREATED", cell: ({ image }) => humanAge(image.created) },
    { head: "SIZE", cell: ({ image }) => humanSize(image.size) },
  ];
  return table(
    columns,
    images.flatMap((image) => rowsOf(image, options.digests)),
  );
}

/** As docker groups them: a digest stands beside the tags of its repository, and alone where there is none. */
function rowsOf(image: ImageSummary, digests: boolean): Row[] {
  const byRepository = new Map<string, { tags: string[]; digests: string[] }>();
  const group = (repository: string) => {
    const known = byRepository.get(repository) ?? { tags: [], digests: [] };
    byRepository.set(repository, known);
    return known;
  };
  for (const name of image.repoTags) {
    const colon = name.lastIndexOf(":");
    group(name.slice(0, colon)).tags.push(name.slice(colon + 1));
  }
  for (const name of image.repoDigests) {
    const at = name.indexOf("@");
    group(name.slice(0, at)).digests.push(name.slice(at + 1));
  }
  if (byRepository.size === 0) return [{ image, repository: NONE, tag: NONE, digest: NONE }];
  return [...byRepository].flatMap(([repository, known]) => {
    const shown = digests && known.digests.length > 0 ? known.digests : [NONE];
    const tags = known.tags.length > 0 ? known.tags : [NONE];
    return tags.flatMap((tag) => shown.map((digest) => ({ image, repository, tag, digest })));
  });
}
