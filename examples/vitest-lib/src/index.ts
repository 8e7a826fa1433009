export { parseVersion, type Version } from "./version";
export { compareVersions, newest } from "./compare";
export { satisfies } from "./range";
