import type { State } from "./types";

export type Action = { kind: "choose-region"; region: string | null } | { kind: "toggle-favourite"; id: string };

export function reduce(state: State, action: Action): State {
  switch (action.kind) {
    case "choose-region":
      return state.region === action.region ? state : { ...state, region: action.region };
    case "toggle-favourite": {
      const favourites = state.favourites.includes(action.id)
        ? state.favourites.filter((id) => id !== action.id)
        : [...state.favourites, action.id];
      return { ...state, favourites };
    }
  }
}
