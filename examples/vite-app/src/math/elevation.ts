import type { Trail } from "../state/types";

/** Metres of climb for each kilometre walked. */
export function steepness(trail: Trail): number {
  return trail.metres === 0 ? 0 : trail.climb / (trail.metres / 1000);
}
