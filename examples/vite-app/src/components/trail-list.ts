import { element } from "../dom/element";
import type { Store } from "../state/store";
import { trailCard } from "./trail-card";

export function trailList(store: Store): HTMLElement {
  const { region, trails } = store.state();
  const shown = trails.filter((trail) => region === null || trail.region === region);
  return element("section", { class: "list" }, ...shown.map((trail) => trailCard(store, trail)));
}
