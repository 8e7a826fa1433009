import type { Route } from "./router";
import type { Store } from "./state/store";
import { aboutView } from "./views/about";
import { detailView } from "./views/detail";
import { overviewView } from "./views/overview";

export type View = (store: Store) => HTMLElement;

/** The statistics page is rarely opened, so it travels in a chunk of its own. */
export async function resolveView(route: Route): Promise<View> {
  switch (route.name) {
    case "statistics": {
      const { statisticsView } = await import("./views/statistics");
      return statisticsView;
    }
    case "trail":
      return (store) => detailView(store, route.argument ?? "");
    case "about":
      return aboutView;
    default:
      return overviewView;
  }
}
