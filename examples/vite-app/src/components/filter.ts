import { regionNames, regionsOf } from "../data/regions";
import { element } from "../dom/element";
import { onClick } from "../dom/events";
import type { Store } from "../state/store";

export function filter(store: Store): HTMLElement {
  const { region, trails } = store.state();
  const button = (name: string | null, label: string) =>
    onClick(element("button", { "aria-pressed": String(region === name) }, label), () =>
      store.dispatch({ kind: "choose-region", region: name }),
    );
  return element(
    "div",
    { class: "filter" },
    button(null, "Everywhere"),
    ...regionsOf(trails).map((name) => button(name, regionNames[name] ?? name)),
  );
}
