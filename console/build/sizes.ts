import { mkdirSync, writeFileSync } from "node:fs";
import type { Plugin } from "vite";

/** Notes which files each page needs, for the test of their size: names of files do not tell it. */
export function noted(file: string): Plugin {
  return {
    name: "noted",
    apply: "build",
    writeBundle(_options, bundle) {
      const chunks = Object.values(bundle).filter((each) => each.type === "chunk");
      const told = chunks.map(({ fileName, imports, isEntry, facadeModuleId }) => {
        const page = /\/src\/pages\/([\w-]+)\.tsx$/.exec(facadeModuleId ?? "")?.[1] ?? null;
        return [fileName, { imports, entry: isEntry, page }];
      });
      mkdirSync(new URL(".", `file://${file}`), { recursive: true });
      writeFileSync(file, JSON.stringify(Object.fromEntries(told)));
    },
  };
}
