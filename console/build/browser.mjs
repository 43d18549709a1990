// Prints where the tests' browser is, and what it needs and a small machine lacks: libraries and fonts.
import { tmpdir } from "node:os";
import { join } from "node:path";

// the package unpacks these only where it takes itself to be there
process.env.AWS_LAMBDA_JS_RUNTIME ??= "nodejs22.x";
const { default: chromium } = await import("@sparticuz/chromium");

const executable = await chromium.executablePath();
const [libraries, fonts] = [join(tmpdir(), "al2023", "lib"), join(tmpdir(), "fonts")];
process.stdout.write(JSON.stringify({ executable, libraries, fonts }));
