import { trailCard } from "../components/trail-card";
import { regionNames } from "../data/regions";
import { element } from "../dom/element";
import { steepness } from "../math/elevation";
import type { Store } from "../state/store";

export function detailView(store: Store, id: string): HTMLElement {
  const trail = store.state().trails.find((candidate) => candidate.id === id);
  if (!trail) return element("p", {}, "There is no such trail.");
  return element(
    "div",
    {},
    trailCard(store, trail),
    element("p", {}, `${regionNames[trail.region] ?? trail.region}, ${steepness(trail).toFixed(0)} m of climb per km`),
  );
}
