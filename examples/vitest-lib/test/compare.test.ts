import { expect, test } from "vitest";
import { compareVersions, newest, parseVersion, type Version } from "../src/index";

const version = (text: string): Version => parseVersion(text)!;

test("the patch decides last", () => {
  expect(compareVersions(version("1.2.3"), version("1.2.4"))).toBeLessThan(0);
  expect(compareVersions(version("1.3.0"), version("1.2.9"))).toBeGreaterThan(0);
});

test("the newest of none is nothing", () => {
  expect(newest([])).toBeUndefined();
  expect(newest([version("0.9.9"), version("1.0.0")])).toEqual(version("1.0.0"));
});
