import { barChart } from "../charts/bars";
import { element } from "../dom/element";
import { formatLength } from "../format";
import { totalMetres } from "../math/distance";
import { mean, median } from "../math/statistics";
import type { Store } from "../state/store";

export function statisticsView(store: Store): HTMLElement {
  const { trails } = store.state();
  const lengths = trails.map((trail) => trail.metres);
  return element(
    "div",
    {},
    element("p", {}, `Walked ${formatLength(totalMetres(trails))} in all.`),
    element("p", {}, `Mean ${formatLength(Math.round(mean(lengths)))}, median ${formatLength(median(lengths))}.`),
    barChart(trails.map((trail) => ({ label: trail.name, value: trail.metres }))),
  );
}
