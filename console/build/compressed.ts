import { brotliCompressSync, constants } from "node:zlib";
import type { Plugin } from "vite";

/** Puts a copy compressed with Brotli beside each file that gets smaller by it. */
export function compressed(): Plugin {
  return {
    name: "compressed",
    apply: "build",
    generateBundle: {
      order: "post",
      handler(_options, bundle) {
        for (const [name, file] of Object.entries(bundle)) {
          if (!name.startsWith("assets/")) continue;
          const content = Buffer.from(file.type === "chunk" ? file.code : file.source);
          const source = brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } });
          if (source.length < content.length) {
            this.emitFile({ type: "asset", fileName: `${name}.br`, source });
          }
        }
      },
    },
  };
}
