import type { Plugin } from "vite";

/** React Spectrum loads its typeface from another origin. Ours are the machine's, so that module is left empty. */
export function noForeignFonts(): Plugin {
  const nothing = "\0no-foreign-fonts";
  return {
    name: "no-foreign-fonts",
    enforce: "pre",
    resolveId: (source, importer) =>
      importer?.includes("@react-spectrum/s2") && /\/Fonts(\.mjs)?$/.test(source) ? nothing : null,
    load: (id) => (id === nothing ? "export const Fonts = () => null;" : null),
    generateBundle(_options, bundle) {
      for (const [name, file] of Object.entries(bundle)) {
        const text = file.type === "chunk" ? file.code : String(file.source);
        if (text.includes("typekit")) {
          this.error(`${name} would load a font from another origin: has React Spectrum moved its Fonts module?`);
        }
      }
    },
  };
}
