import react from "@vitejs/plugin-react";
import macros from "unplugin-parcel-macros";
import { defineConfig } from "vite";
import { compressed } from "./build/compressed.ts";
import { noForeignFonts } from "./build/no-foreign-fonts.ts";
import { noted } from "./build/sizes.ts";

// macros come first: they run while modules are read, and leave plain class names behind
export default defineConfig({
  // the page says where it lies (see `base` in index.html), so nothing here knows an address
  base: "./",
  plugins: [
    macros.vite(),
    noForeignFonts(),
    react(),
    compressed(),
    noted(new URL("../.local/console.json", import.meta.url).pathname),
  ],
  build: {
    outDir: "../functions/console/site",
    emptyOutDir: true,
    target: "es2023",
    // the style macro's names are shared by all pages; one file for all of them is smaller than one for each
    cssCodeSplit: false,
    // names by content alone: a name made of the modules in it can become very long
    rolldownOptions: { output: { entryFileNames: "assets/p-[hash].js", chunkFileNames: "assets/p-[hash].js" } },
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1200,
  },
});
