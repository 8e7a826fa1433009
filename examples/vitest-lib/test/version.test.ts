import { expect, test } from "vitest";
import { parseVersion } from "../src/index";

test("three numbers are a version", () => {
  expect(parseVersion("1.20.3")).toEqual({ major: 1, minor: 20, patch: 3 });
});

test("anything else is not", () => {
  expect(parseVersion("1.2")).toBeUndefined();
  expect(parseVersion("v1.2.3")).toBeUndefined();
});
