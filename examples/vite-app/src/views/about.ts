import { config } from "../config";
import { element } from "../dom/element";

export function aboutView(): HTMLElement {
  return element("p", {}, `${config.title} keeps a list of walks. It was built for ${config.mode}.`);
}
