import { footer } from "./components/footer";
import { header } from "./components/header";
import { replaceChildren, element } from "./dom/element";
import { currentRoute, onRouteChange } from "./router";
import { restore, persist } from "./state/persist";
import { createStore } from "./state/store";
import { resolveView } from "./routes";

/** Puts the whole application into `root` and keeps it in step with the address bar. */
export function startApp(root: HTMLElement): void {
  const store = createStore(restore());
  store.subscribe(persist);

  const main = element("main", {});
  replaceChildren(root, header(), main, footer());

  const show = async () => {
    const view = await resolveView(currentRoute());
    replaceChildren(main, view(store));
  };
  onRouteChange(() => void show());
  store.subscribe(() => void show());
  void show();
}
