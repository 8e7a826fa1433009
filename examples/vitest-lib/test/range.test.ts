import { expect, test } from "vitest";
import { parseVersion, satisfies } from "../src/index";

test.each([
  ["1.2.3", "1.2.3", true],
  ["1.2.4", "^1.2.3", true],
  ["2.0.0", "^1.2.3", false],
  ["2.0.0", ">=1.2.3", true],
  ["1.0.0", "whatever", false],
])("%s in %s is %s", (text, range, expected) => {
  expect(satisfies(parseVersion(text)!, range)).toBe(expected);
});
