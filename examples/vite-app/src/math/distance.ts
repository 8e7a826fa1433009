import type { Trail } from "../state/types";

export function totalMetres(trails: readonly Trail[]): number {
  return trails.reduce((sum, trail) => sum + trail.metres, 0);
}

/** Naismith's rule: five kilometres an hour, plus an hour for every six hundred metres of climb. */
export function walkingMinutes(trail: Trail): number {
  return Math.round((trail.metres / 5000 + trail.climb / 600) * 60);
}
