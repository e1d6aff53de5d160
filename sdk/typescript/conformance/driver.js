// Carries out the cases of tests/contract/sdk; `npx tsc` compiles it from driver.ts.
import "../dist/conformance/driver.js";
