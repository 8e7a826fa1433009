import mountain from "../assets/mountain.png";
import { config } from "../config";
import { element } from "../dom/element";
import { linkTo } from "../router";

export function header(): HTMLElement {
  return element(
    "header",
    {},
    element("img", { src: mountain, alt: "", width: "48", height: "48" }),
    element("h1", {}, config.title),
    element(
      "nav",
      {},
      ...["overview", "statistics", "about"].map((name) => element("a", { href: linkTo({ name }) }, name)),
    ),
  );
}
