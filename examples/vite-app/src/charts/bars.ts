import "../styles/chart.css";
import { element } from "../dom/element";
import { linearScale } from "./scale";

export type Bar = { label: string; value: number };

export function barChart(bars: readonly Bar[]): HTMLElement {
  const scale = linearScale(
    bars.map((bar) => bar.value),
    100,
  );
  return element(
    "ul",
    { class: "chart" },
    ...bars.map((bar) => element("li", { style: `--share: ${scale(bar.value).toFixed(1)}%` }, bar.label)),
  );
}
