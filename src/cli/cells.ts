/** Text as a terminal shows it: columns of cells, not characters. */

/** East Asian wide and fullwidth ranges (Unicode 15.1, EastAsianWidth W and F), coarsely. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]/u;
/** All of these are wide but the halves of flags, two of which are drawn as one. */
const EMOJI = /(?!\p{Regional_Indicator})\p{Emoji_Presentation}/u;
const COMBINING = /[\p{Mn}\p{Me}\p{Cf}]/u;

export function cellWidth(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let width = 0;
  for (const char of text) width += COMBINING.test(char) ? 0 : WIDE.test(char) || EMOJI.test(char) ? 2 : 1;
  return width;
}

export function padEnd(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - cellWidth(text)));
}

/** At most `width` cells, the last of them an ellipsis where something was cut. */
export function ellipsis(text: string, width: number): string {
  if (cellWidth(text) <= width) return text;
  let out = "";
  for (const char of text) {
    if (cellWidth(out + char) > width - 1) break;
    out += char;
  }
  return `${out}…`;
}
