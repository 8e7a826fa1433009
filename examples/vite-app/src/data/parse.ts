import type { Difficulty, Trail } from "../state/types";

const difficulties: readonly string[] = ["easy", "moderate", "hard"];

/** One trail per line, fields separated by bars. Lines that do not parse are dropped. */
export function parseTrails(text: string): Trail[] {
  return text.split("\n").flatMap((line) => {
    const [id, name, region, metres, climb, walked, difficulty] = line.split("|").map((field) => field.trim());
    if (!id || !name || !region || !walked || !difficulty || !difficulties.includes(difficulty)) return [];
    return [{ id, name, region, metres: Number(metres), climb: Number(climb), walked, difficulty: difficulty as Difficulty }];
  });
}
