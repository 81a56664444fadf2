import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  familiarName,
  familiarString,
  fullName,
  fullString,
  parseReference,
  type Reference,
  whyNotATag,
  withDefaultTag,
} from "../../src/model/reference.js";

// Which names are taken is asked of dockerd itself: test/source/agreement.test.ts. Here is what they become.

const hex = "0123456789abcdef".repeat(4);

const alnum = fc.stringMatching(/^[a-z0-9]{1,6}$/);
const component = fc
  .tuple(alnum, fc.array(fc.tuple(fc.constantFrom(".", "_", "__", "-", "---"), alnum), { maxLength: 2 }))
  .map(([first, rest]) => first + rest.map((pair) => pair.join("")).join(""));
const domain = fc.oneof(
  fc.constant("localhost"),
  fc.constant("docker.io"),
  fc.stringMatching(/^[a-z][a-z0-9]{0,5}(?:\.[A-Z][a-z]{1,4}){1,2}$/),
  fc.stringMatching(/^[a-z]{1,6}:[1-9][0-9]{0,4}$/),
);
const reference: fc.Arbitrary<Reference> = fc
  .record({
    domain,
    components: fc.array(component, { minLength: 1, maxLength: 4 }),
    tag: fc.option(fc.stringMatching(/^[\w][\w.-]{0,20}$/)),
    digest: fc.option(fc.constant(`sha256:${hex}` as NonNullable<Reference["digest"]>)),
  })
  .map(({ domain, components, tag, digest }) => {
    const path = components.join("/");
    return { domain, path: domain === "docker.io" && components.length === 1 ? `library/${path}` : path, tag, digest };
  });

describe("parseReference", () => {
  it("reads back every reference from its full and its familiar form", () => {
    fc.assert(
      fc.property(reference, (ref) => {
        assert.deepEqual(parseReference(fullString(ref)), ref);
        // The familiar form of docker.io/a.b/c is a.b/c, which names another registry: docker has it so.
        if (ref.domain !== "docker.io" || !/^(?:[^/]*\.[^/]*|localhost)\//.test(ref.path))
          assert.deepEqual(parseReference(familiarString(ref)), ref);
      }),
    );
  });

  it("gives a reference or an error of the caller's code for any text, in no time", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[a-z0-9.:@/_-]{0,300}$/)), (text) => {
        try {
          const ref = parseReference(text, "BAD_MANIFEST");
          assert.deepEqual(parseReference(fullString(ref)), ref);
        } catch (error) {
          assert.equal((error as { code?: string }).code, "BAD_MANIFEST", String(error));
        }
      }),
      { numRuns: 2000 },
    );
    for (const evil of ["a".repeat(1e6), `${"a-".repeat(500)}!`, `${"a.".repeat(400)}:`, `${"0".repeat(900)}/`]) {
      assert.throws(() => parseReference(evil), { code: "USAGE" });
    }
  });

  const names: [text: string, full: string, familiar: string][] = [
    ["nginx", "docker.io/library/nginx", "nginx"],
    ["nginx:1", "docker.io/library/nginx:1", "nginx:1"],
    ["index.docker.io/nginx", "docker.io/library/nginx", "nginx"],
    ["docker.io/library/nginx", "docker.io/library/nginx", "nginx"],
    ["docker.io/library/a/b", "docker.io/library/a/b", "library/a/b"],
    ["user/app", "docker.io/user/app", "user/app"],
    ["localhost/app", "localhost/app", "localhost/app"],
    ["host:5000/app:1", "host:5000/app:1", "host:5000/app:1"],
    ["host.x/library/app", "host.x/library/app", "host.x/library/app"],
    [`app@sha256:${hex}`, `docker.io/library/app@sha256:${hex}`, `app@sha256:${hex}`],
  ];
  for (const [text, full, familiar] of names) {
    it(`knows ${text} as ${familiar}`, () => {
      const ref = parseReference(text);
      assert.equal(fullString(ref), full);
      assert.equal(familiarString(ref), familiar);
    });
  }

  it("says why a name is refused", () => {
    assert.throws(() => parseReference("App"), { code: "USAGE", message: /lower case/ });
    assert.throws(() => parseReference(hex), { message: /image id/ });
    assert.throws(() => parseReference(`a@sha256:${hex.toUpperCase()}`), { message: /digest/ });
    assert.throws(() => parseReference(`a@md5:${hex}`), { message: /digest/ });
    assert.throws(() => parseReference(""), { message: /no repository name/ });
    assert.throws(() => parseReference("a b"), { message: /expected \[registry\/\]name/ });
  });
});

describe("a reference", () => {
  it("gets the tag latest when it names nothing closer", () => {
    assert.equal(familiarString(withDefaultTag(parseReference("a"))), "a:latest");
    assert.equal(familiarString(withDefaultTag(parseReference("a:1"))), "a:1");
    assert.equal(withDefaultTag(parseReference(`a@sha256:${hex}`)).tag, null);
  });

  it("has a name without its tag", () => {
    const ref = parseReference("quay.io/a/b:1");
    assert.deepEqual([familiarName(ref), fullName(ref)], ["quay.io/a/b", "quay.io/a/b"]);
    assert.deepEqual(
      [familiarName(parseReference("x:1")), fullName(parseReference("x:1"))],
      ["x", "docker.io/library/x"],
    );
  });

  it("is no tag with a digest, or when the repository is called sha256", () => {
    assert.equal(whyNotATag(parseReference("a:1")), null);
    assert.match(whyNotATag(parseReference(`a:1@sha256:${hex}`)) ?? "", /digest/);
    assert.match(whyNotATag(parseReference("sha256:abc")) ?? "", /sha256/);
    assert.equal(whyNotATag(parseReference("u/sha256:abc")), null);
  });
});
