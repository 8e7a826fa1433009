import "./styles/base.css";
import "./styles/layout.css";
import { startApp } from "./app";
import { debug } from "./log";

const root = document.querySelector<HTMLElement>("#app");
if (root) {
  debug("starting");
  startApp(root);
}
