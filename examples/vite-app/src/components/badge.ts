import "../styles/badge.css";
import { element } from "../dom/element";
import type { Difficulty } from "../state/types";

export function badge(difficulty: Difficulty): HTMLElement {
  return element("span", { class: `badge badge-${difficulty}` }, difficulty);
}
