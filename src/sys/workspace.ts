/** Where temporary files go that may have gigabytes: not to `/tmp`, which is memory on many machines. */
export function workspace(): string {
  return process.env["TMPDIR"] || "/var/tmp";
}
