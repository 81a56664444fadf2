/** Programs run by another user than root. */

export const ORDINARY_USER = 65534;

/**
 * The command line that runs another one as the ordinary user, who owns nothing. May read what it does not own: the
 * clone that the tests run from can lie in a directory of root's.
 */
export function asOrdinaryUser(program: string, ...args: readonly string[]): [string, string[]] {
  const reader = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"];
  const user = [`--reuid=${ORDINARY_USER}`, `--regid=${ORDINARY_USER}`, "--clear-groups"];
  return ["setpriv", [...user, ...reader, "--", program, ...args]];
}
