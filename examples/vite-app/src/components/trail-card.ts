import "../styles/card.css";
import { element } from "../dom/element";
import { onClick } from "../dom/events";
import { formatDate, formatDuration, formatLength } from "../format";
import { walkingMinutes } from "../math/distance";
import { linkTo } from "../router";
import type { Store } from "../state/store";
import type { Trail } from "../state/types";
import { badge } from "./badge";

export function trailCard(store: Store, trail: Trail): HTMLElement {
  const favourite = store.state().favourites.includes(trail.id);
  return element(
    "article",
    { class: "card" },
    element("h2", {}, element("a", { href: linkTo({ name: "trail", argument: trail.id }) }, trail.name)),
    badge(trail.difficulty),
    element("p", {}, `${formatLength(trail.metres)}, ${formatDuration(walkingMinutes(trail))}, ${formatDate(trail.walked)}`),
    onClick(element("button", {}, favourite ? "Forget" : "Remember"), () =>
      store.dispatch({ kind: "toggle-favourite", id: trail.id }),
    ),
  );
}
