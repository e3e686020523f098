// What the bridge starts.

import { benchPlugin } from "./plugin";
import { runPlugin } from "./runtime/run";

void runPlugin(benchPlugin);
