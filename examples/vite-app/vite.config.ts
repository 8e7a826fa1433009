import { defineConfig } from "vite";

export default defineConfig({
  // Variables with another prefix stay on the machine that builds.
  envPrefix: "VITE_",
  build: {
    target: "es2022",
  },
});
