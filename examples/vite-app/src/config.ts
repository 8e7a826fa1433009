/** What the build decided. Each value is inlined, so a change of any of them changes the bundle. */
export const config = {
  title: import.meta.env.VITE_TITLE ?? "Untitled",
  greeting: import.meta.env.VITE_X ?? "no greeting",
  team: import.meta.env.APP_X ?? "no team",
  mode: import.meta.env.MODE,
} as const;
