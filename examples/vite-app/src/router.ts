export type Route = { name: string; argument?: string };

/** Reads `#/name/argument`. */
export function parseRoute(hash: string): Route {
  const [name = "", argument] = hash.replace(/^#\/?/, "").split("/");
  return { name: name || "overview", argument };
}

export function currentRoute(): Route {
  return parseRoute(window.location.hash);
}

export function onRouteChange(listener: () => void): void {
  window.addEventListener("hashchange", listener);
}

export function linkTo(route: Route): string {
  return `#/${route.name}${route.argument ? `/${route.argument}` : ""}`;
}
