import { config } from "../config";
import { element } from "../dom/element";

export function footer(): HTMLElement {
  return element("footer", {}, `${config.greeting} · ${config.team} · built for ${config.mode}`);
}
