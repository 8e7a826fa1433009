import { trails } from "../data/trails";
import type { State } from "./types";

const KEY = "trail-log";

export function restore(): State {
  return { trails, region: null, favourites: readFavourites() };
}

export function persist(state: State): void {
  localStorage.setItem(KEY, JSON.stringify(state.favourites));
}

function readFavourites(): string[] {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(value) ? value.filter((id) => typeof id === "string") : [];
  } catch {
    return [];
  }
}
