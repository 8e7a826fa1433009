/// <reference types="vite/client" />

interface ImportMetaEnv {
  readonly VITE_TITLE?: string;
  readonly VITE_X?: string;
  readonly APP_X?: string;
}
