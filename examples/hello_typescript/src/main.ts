// What the bridge starts.

import { helloTypeScript } from "./plugin";
import { runPlugin } from "./runtime/run";

void runPlugin(helloTypeScript);
