// Prints where the tests' browser is, unpacking it if need be, and how it is started, as JSON.
import chromium from "@sparticuz/chromium";

console.log(JSON.stringify({ path: await chromium.executablePath(), arguments: chromium.args }));
