export function onClick<Target extends HTMLElement>(target: Target, action: () => void): Target {
  target.addEventListener("click", (event) => {
    event.preventDefault();
    action();
  });
  return target;
}
