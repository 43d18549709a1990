// Prints where the tests' browser is, unpacking it if need be.
import chromium from "@sparticuz/chromium";

process.stdout.write(await chromium.executablePath());
