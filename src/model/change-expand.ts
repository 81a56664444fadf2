/**
 * Quotes, escapes and variables in the arguments of Dockerfile instructions, as docker 20.10's builder expands them:
 * a part of what a shell does. `$x`, `${x}`, `${x:-word}`, `${x:+word}`, `${x:?word}` and `${x?word}`.
 */

/** What is wrong with a word. */
export class ExpansionError extends Error {}

/** One word with everything expanded. White space stays as it is. */
export function expandWord(word: string, env: ReadonlyMap<string, string>): string {
  return new Expander(word, env).run(null).text;
}

/** The words that it becomes: white space separates where it is neither quoted nor escaped. */
export function expandWords(word: string, env: ReadonlyMap<string, string>): string[] {
  return new Expander(word, env).run(null).words;
}

class Expander {
  readonly #chars: readonly string[];
  readonly #env: ReadonlyMap<string, string>;
  #at = 0;

  constructor(word: string, env: ReadonlyMap<string, string>) {
    this.#chars = [...word];
    this.#env = env;
  }

  /** @param stop a character that ends it; null: the end of the text */
  run(stop: string | null): { text: string; words: string[] } {
    let text = "";
    const words: string[] = [];
    let word: string | null = null;
    const add = (piece: string) => {
      text += piece;
      word = (word ?? "") + piece;
    };
    const addSplit = (piece: string) => {
      text += piece;
      for (const char of piece) {
        if (!/\s/.test(char)) word = (word ?? "") + char;
        else if (word) {
          words.push(word);
          word = null;
        }
      }
    };
    for (let char = this.#next(); char !== undefined; char = this.#next()) {
      if (char === stop) return { text, words: word ? [...words, word] : words };
      if (char === "'") add(this.#singleQuoted());
      else if (char === '"') add(this.#doubleQuoted());
      else if (char === "$") addSplit(this.#variable());
      else if (char === "\\") add(this.#next() ?? "");
      else addSplit(char);
    }
    if (stop !== null) throw new ExpansionError(`it ends before the matching ${stop}`);
    return { text, words: word ? [...words, word] : words };
  }

  #next(): string | undefined {
    return this.#chars[this.#at++];
  }

  #peek(): string | undefined {
    return this.#chars[this.#at];
  }

  #singleQuoted(): string {
    let text = "";
    for (let char = this.#next(); char !== "'"; char = this.#next()) {
      if (char === undefined) throw new ExpansionError("it ends before the matching single quote");
      text += char;
    }
    return text;
  }

  #doubleQuoted(): string {
    let text = "";
    for (let char = this.#next(); char !== '"'; char = this.#next()) {
      if (char === undefined) throw new ExpansionError("it ends before the matching double quote");
      if (char === "$") text += this.#variable();
      // Elsewhere in quotes a backslash is just that.
      else if (char === "\\" && ['"', "$", "\\"].includes(this.#peek() ?? "")) text += this.#next();
      else text += char;
    }
    return text;
  }

  /** Behind the dollar. */
  #variable(): string {
    if (this.#peek() !== "{") {
      const name = this.#name();
      return name === "" ? "$" : (this.#env.get(name) ?? "");
    }
    this.#next();
    const name = "{}:".includes(this.#peek() ?? "}") ? "" : this.#name();
    const modifier = this.#next();
    if (name === "" || modifier === undefined) throw new ExpansionError("bad substitution");
    const value = this.#env.get(name) ?? "";
    if (modifier === "}") return value;
    const kind = modifier === ":" ? this.#next() : modifier;
    if (modifier !== ":" && kind !== "?")
      throw new ExpansionError(`unsupported modifier ${modifier} in a substitution`);
    const { text: word } = this.run("}");
    switch (kind) {
      case "-":
        return value === "" ? word : value;
      case "+":
        return value === "" ? "" : word;
      case "?": {
        const isSet = modifier === ":" ? value !== "" : this.#env.has(name);
        if (isSet) return value;
        throw new ExpansionError(`${name}: ${word || "is not set"}`);
      }
      default:
        throw new ExpansionError(`unsupported modifier ${modifier}${kind ?? ""} in a substitution`);
    }
  }

  /** Letters, digits and underscores; digits alone, or one special character, as in a shell. */
  #name(): string {
    const rest = this.#chars.slice(this.#at).join("");
    const name = /^(?:\p{Nd}+|[@*#?\-$!0]|[\p{L}_][\p{L}\p{Nd}_]*)/u.exec(rest)?.[0] ?? "";
    this.#at += [...name].length;
    return name;
  }
}
