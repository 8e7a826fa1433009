export type Difficulty = "easy" | "moderate" | "hard";

export type Trail = {
  id: string;
  name: string;
  region: string;
  metres: number;
  climb: number;
  walked: string;
  difficulty: Difficulty;
};

export type State = {
  trails: readonly Trail[];
  region: string | null;
  favourites: readonly string[];
};
