import { filter } from "../components/filter";
import { trailList } from "../components/trail-list";
import { element } from "../dom/element";
import type { Store } from "../state/store";

export function overviewView(store: Store): HTMLElement {
  return element("div", {}, filter(store), trailList(store));
}
