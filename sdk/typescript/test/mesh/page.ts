/** What the browser runs: the story, on the page's own origin, with the key from its address. */

import { createChartly } from "../../src/browser.js";
import { story } from "./story.js";

const client = createChartly({ apiKey: location.hash.slice(1) });
const answer = await story(client, "in-a-browser").catch((error) => ({ crash: `${error}\n${error.stack}` }));
await fetch("/answer", { method: "POST", body: JSON.stringify(answer) });
