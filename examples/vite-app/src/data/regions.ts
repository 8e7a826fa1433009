import type { Trail } from "../state/types";

export const regionNames: Readonly<Record<string, string>> = {
  north: "Northern range",
  south: "Lake country",
  west: "Western moors",
  east: "Eastern peaks",
};

export function regionsOf(trails: readonly Trail[]): string[] {
  return [...new Set(trails.map((trail) => trail.region))].sort();
}
