import type { Action } from "./actions";
import { reduce } from "./actions";
import type { State } from "./types";

export type Store = {
  state(): State;
  dispatch(action: Action): void;
  subscribe(listener: (state: State) => void): void;
};

export function createStore(initial: State): Store {
  let current = initial;
  const listeners: ((state: State) => void)[] = [];
  return {
    state: () => current,
    dispatch(action) {
      const next = reduce(current, action);
      if (next === current) return;
      current = next;
      for (const listener of listeners) listener(current);
    },
    subscribe(listener) {
      listeners.push(listener);
    },
  };
}
