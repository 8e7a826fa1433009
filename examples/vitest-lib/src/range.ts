import { compareVersions } from "./compare";
import { parseVersion, type Version } from "./version";

/** Understands `1.2.3`, `^1.2.3` and `>=1.2.3`. */
export function satisfies(version: Version, range: string): boolean {
  const [, sign = "", text = ""] = /^(\^|>=)?(.*)$/.exec(range.trim()) ?? [];
  const least = parseVersion(text);
  if (!least) return false;
  const order = compareVersions(version, least);
  switch (sign) {
    case "^":
      return order >= 0 && version.major === least.major;
    case ">=":
      return order >= 0;
    default:
      return order === 0;
  }
}
